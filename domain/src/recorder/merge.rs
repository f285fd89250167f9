//! One run: what several events say of its columns, merged with what its row holds.
//!
//! A row does not keep when each column was set. What the newest event set has the stamp of the row's state, and a null
//! was never set; the few columns of which that is not true stand in the row's `older`, as a JSON object from the column to
//! its stamp (`[microseconds, state id]`, or null if no event set it). For most runs there are none and `older` is null.

use serde_json::{Map, Value, json};
use uuid::Uuid;
use wire::{Input, Patch, RawJson, Time};

use super::{Change, duration, key, labels, name};
use crate::labels::Labels;
use crate::run::TaskRunPolicy;
use crate::task_runs::TaskInputs;
use crate::{FlowRunId, StateId, TaskRunId};

/// The place of a state in the order of a run's states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    pub timestamp: Time,
    pub state_id: StateId,
}

/// A row that is there, as far as merging goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    pub id: TaskRunId,
    pub flow_run_id: Option<FlowRunId>,
    pub task_key: String,
    pub dynamic_key: String,
    /// Of its state; a run without state is older than every event.
    pub latest: Option<Stamp>,
    /// Which of the columns that may be null are, in the order of [`Columns::NULLABLE`].
    pub nulls: Vec<bool>,
    pub older: Option<RawJson>,
}

macro_rules! columns {
    (@nullable nullable) => { true };
    (@nullable full) => { false };
    (@null nullable $value:expr) => { $value.is_none() };
    (@null full $value:expr) => {{ let _ = $value; false }};
    (@names [$($done:expr),*]) => { &[$($done),*] };
    (@names [$($done:expr),*] $field:ident nullable $($rest:tt)*) => { columns!(@names [$($done,)* stringify!($field)] $($rest)*) };
    (@names [$($done:expr),*] $field:ident full $($rest:tt)*) => { columns!(@names [$($done),*] $($rest)*) };
    ($($(#[$meta:meta])* $field:ident: $type:ty, $kind:ident;)+) => {
        /// What an event says of the columns of its run, keys and state apart; what it does not set stays.
        #[derive(Debug, Clone, PartialEq, Default, Input)]
        pub struct Columns { $($(#[$meta])* pub $field: Patch<$type>,)+ }

        /// What is to be written of a row's columns; `None` stays.
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct Taken { $(pub $field: Option<$type>,)+ }

        impl Columns {
            /// All of them. The position of a column is its bit in [`Taken::bits`].
            pub const NAMES: &'static [&'static str] = &[$(stringify!($field)),+];
            /// Those that may be null.
            pub const NULLABLE: &'static [&'static str] = columns!(@names [] $($field $kind)+);
            const MAY_BE_NULL: &'static [bool] = &[$(columns!(@nullable $kind)),+];
        }

        impl Taken {
            /// Which columns are to be written, the first of [`Columns::NAMES`] as the lowest bit.
            pub fn bits(&self) -> i32 {
                let set = [$(self.$field.is_some()),+];
                set.iter().enumerate().fold(0, |bits, (at, set)| bits | i32::from(*set) << at)
            }
        }

        impl Merge {
            fn columns(&mut self, stamp: Stamp, columns: &Columns) {
                let mut places = 0..;
                $(
                    // An endless range.
                    let at = places.next().unwrap_or(usize::MAX);
                    if let (Patch::Set(value), true) = (&columns.$field, self.stamps.get(at).is_some_and(|known| *known < Some(stamp))) {
                        self.stamps[at] = Some(stamp);
                        self.nulls[at] = columns!(@null $kind value);
                        self.taken.$field = Some(value.clone());
                    }
                )+
            }
        }
    };
}

columns! {
    #[input(default, with = name)]
    name: String, full;
    #[input(default, with = key)]
    cache_key: Option<String>, nullable;
    cache_expiration: Option<Time>, nullable;
    task_version: Option<String>, nullable;
    empirical_policy: TaskRunPolicy, full;
    tags: Vec<String>, full;
    #[input(default, with = labels)]
    labels: Labels, full;
    task_inputs: TaskInputs, full;
    run_count: i32, full;
    flow_run_run_count: i32, full;
    expected_start_time: Option<Time>, nullable;
    next_scheduled_start_time: Option<Time>, nullable;
    start_time: Option<Time>, nullable;
    end_time: Option<Time>, nullable;
    #[input(default, with = duration)]
    total_run_time: f64, full;
}

/// The columns of a row while events are merged into them.
pub(super) struct Merge {
    pub latest: Option<Stamp>,
    pub taken: Taken,
    stamps: Vec<Option<Stamp>>,
    nulls: Vec<bool>,
}

impl Merge {
    /// Into a row, or into none.
    pub fn of(standing: Option<&Standing>) -> Self {
        let latest = standing.and_then(|row| row.latest);
        let mut nulls = Columns::MAY_BE_NULL.to_vec();
        if let Some(row) = standing {
            let held = nulls.iter_mut().filter(|null| **null).zip(&row.nulls);
            held.for_each(|(null, is_null)| *null = *is_null);
        }
        let mut stamps: Vec<Option<Stamp>> = nulls.iter().map(|null| if *null { None } else { latest }).collect();
        let older = standing.and_then(|row| row.older.as_ref()).map(RawJson::to_value);
        if let Some(Value::Object(older)) = older {
            for (name, stamp) in Columns::NAMES.iter().zip(&mut stamps) {
                if let Some(kept) = older.get(*name) {
                    *stamp = read(kept);
                }
            }
        }
        Self { latest, taken: Taken::default(), stamps, nulls }
    }

    /// Takes what the event sets and nothing newer did; whether its state is the newest.
    pub fn take(&mut self, change: &Change) -> bool {
        let stamp = change.stamp();
        self.columns(stamp, &change.columns);
        let newest = self.latest < Some(stamp);
        if newest {
            self.latest = Some(stamp);
        }
        newest
    }

    /// What the row's `older` is afterwards.
    pub fn older(&self) -> Option<RawJson> {
        let mut older = Map::new();
        for ((name, stamp), null) in Columns::NAMES.iter().zip(&self.stamps).zip(&self.nulls) {
            let implied = if *null { None } else { self.latest };
            if *stamp != implied {
                let stamp = stamp.map(|stamp| json!([stamp.timestamp.micros(), stamp.state_id]));
                older.insert((*name).to_owned(), stamp.unwrap_or(Value::Null));
            }
        }
        (!older.is_empty()).then(|| RawJson::of(&older))
    }
}

fn read(stamp: &Value) -> Option<Stamp> {
    let [micros, id] = stamp.as_array()?.as_slice() else { return None };
    let state_id = StateId(Uuid::try_parse(id.as_str()?).ok()?);
    Some(Stamp { timestamp: Time::from_micros(micros.as_i64()?), state_id })
}

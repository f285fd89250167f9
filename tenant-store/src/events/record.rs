//! The two statements of a batch: the rows of its task runs, locked in the order of their ids; then everything that is to
//! be written. Rows are inserted in the order of their ids too, so that two writers of the same things wait and do not
//! deadlock.

use std::sync::LazyLock;

use domain::events::Event;
use domain::recorder::{self, Change, Columns, Head, NewState, Recording, Run, Stamp, Standing, Taken};
use domain::run::TaskRunPolicy;
use domain::slug::slug;
use domain::state::{State, StateType};
use domain::stored::Stored;
use domain::task_runs::TaskInputs;
use domain::{EventId, FlowRunId, StateId, TaskRunId};
use tokio_postgres::Row;
use wire::{RawJson, RawObject, Time};

use crate::pool::{FromRow, Param};
use crate::run_states::RunKind;
use crate::{Result, Tx};

/// The rows of the runs that a batch tells of, by id and by flow run, task key and dynamic key.
static LOOK: LazyLock<String> = LazyLock::new(|| {
    let nulls: Vec<String> = Columns::NULLABLE.iter().map(|column| format!("t.{column} is null")).collect();
    format!(
        "select t.id, t.flow_run_id, t.task_key, t.dynamic_key, t.state_timestamp, t.state_id, array[{}], t.older from task_run t \
         where t.id in (select i.id from task_run i where i.id = any($1) \
         union all select i.id from unnest($2::uuid[], $3::text[], $4::text[]) as k(flow_run_id, task_key, dynamic_key) \
         join task_run i on i.flow_run_id = k.flow_run_id and i.task_key = k.task_key and i.dynamic_key = k.dynamic_key) \
         order by t.id for update of t",
        nulls.join(", ")
    )
});

struct Found(Standing);

impl FromRow for Found {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let (timestamp, state_id): (Option<Time>, Option<StateId>) = (row.try_get(4)?, row.try_get(5)?);
        Ok(Self(Standing {
            id: row.try_get(0)?,
            flow_run_id: row.try_get(1)?,
            task_key: row.try_get(2)?,
            dynamic_key: row.try_get(3)?,
            latest: timestamp.zip(state_id).map(|(timestamp, state_id)| Stamp { timestamp, state_id }),
            nulls: row.try_get(6)?,
            older: row.try_get(7)?,
        }))
    }
}

/// The columns that events set (in the order of `Columns::NAMES`): type, what a new row has where none was sent, and how
/// the column is made of its parameter.
const SETTABLE: [(&str, &str, &str, &str); 15] = [
    ("name", "text", "null", "{}"),
    ("cache_key", "text", "null", "{}"),
    ("cache_expiration", "timestamptz", "null", "{}"),
    ("task_version", "text", "null", "{}"),
    ("empirical_policy", "json", "'{}'::json", "{}"),
    ("tags", "json", "'[]'::json", "array(select json_array_elements_text({}))"),
    ("labels", "json", "'{}'::json", "{}"),
    ("task_inputs", "json", "'{}'::json", "{}"),
    ("run_count", "integer", "0", "{}"),
    ("flow_run_run_count", "integer", "0", "{}"),
    ("expected_start_time", "timestamptz", "null", "{}"),
    ("next_scheduled_start_time", "timestamptz", "null", "{}"),
    ("start_time", "timestamptz", "null", "{}"),
    ("end_time", "timestamptz", "null", "{}"),
    ("total_run_time", "double precision", "0", "{}"),
];

/// What comes with the newest state, and goes with it.
const HEAD: [(&str, &str); 8] = [
    ("flow_run_id", "uuid"),
    ("task_key", "text"),
    ("dynamic_key", "text"),
    ("state_id", "uuid"),
    ("state_type", "smallint"),
    ("state_name", "text"),
    ("state_timestamp", "timestamptz"),
    ("state", "json"),
];

const EVENTS: [(&str, &str); 8] = [
    ("occurred", "timestamptz"),
    ("id", "uuid"),
    ("event", "text"),
    ("resource_id", "text"),
    ("resource", "json"),
    ("related", "json"),
    ("payload", "json"),
    ("follows", "uuid"),
];

/// Rows of parameters from number `first` on, as `u`.
fn unnest(first: usize, columns: &[(&str, &str)]) -> String {
    let params: Vec<String> =
        columns.iter().enumerate().map(|(i, (_, sql))| format!("${}::{sql}[]", first + i)).collect();
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    format!("unnest({}) as u({})", params.join(", "), names.join(", "))
}

/// Events by parameters from number `first` on. One that is there stays as it is.
fn insert_events(first: usize) -> String {
    format!(
        "insert into event (occurred, id, event, resource_id, resource, related, related_ids, payload, follows) \
         select u.occurred, u.id, u.event, u.resource_id, u.resource, u.related, \
         array(select one ->> 'prefect.resource.id' from json_array_elements(u.related) one), u.payload, u.follows \
         from {} order by u.occurred, u.id on conflict do nothing",
        unnest(first, &EVENTS)
    )
}

static WRITE_EVENTS: LazyLock<String> = LazyLock::new(|| insert_events(1));

/// Runs, their states and all events. The parameters: [`RunRows`], [`StateRows`], [`EventRows`].
static WRITE_ALL: LazyLock<String> = LazyLock::new(|| {
    let mut columns: Vec<(&str, &str)> =
        vec![("id", "uuid"), ("fresh", "boolean"), ("bits", "integer"), ("older", "json")];
    columns.extend(HEAD);
    columns.extend(SETTABLE.map(|(name, sql, _, _)| (name, sql)));
    let names: Vec<&str> =
        columns.iter().map(|(name, _)| *name).filter(|name| !["fresh", "bits"].contains(name)).collect();
    let sent: Vec<String> = columns.iter().map(|(name, _)| format!("u.{name}")).collect();
    let fresh: Vec<String> =
        ["id", "older"].iter().chain(HEAD.iter().map(|(name, _)| name)).map(|name| format!("u.{name}")).collect();
    let fresh: Vec<String> = fresh
        .into_iter()
        .chain(SETTABLE.iter().map(|(name, _, default, made)| match *default {
            "null" => made.replace("{}", &format!("u.{name}")),
            default => made.replace("{}", &format!("coalesce(u.{name}, {default})")),
        }))
        .collect();
    let head =
        HEAD.iter().map(|(name, _)| format!("{name} = case when u.state_id is null then t.{name} else u.{name} end"));
    let set = SETTABLE.iter().enumerate().map(|(at, (name, _, _, made))| {
        let made = made.replace("{}", &format!("u.{name}"));
        format!("{name} = case when u.bits & {} <> 0 then {made} else t.{name} end", 1 << at)
    });
    let set: Vec<String> = head.chain(set).collect();
    let states = [("id", "uuid"), ("run_id", "uuid"), ("timestamp", "timestamptz"), ("state", "json")];
    format!(
        "with u as materialized (select {sent} from {rows}), \
         i as (insert into task_run ({names}) select {fresh} from u where u.fresh order by u.id), \
         p as (update task_run t set updated = now(), older = u.older, {set} from u where not u.fresh and t.id = u.id), \
         s as (insert into run_state (id, run_id, kind, timestamp, state) select u.id, u.run_id, {kind}, u.timestamp, u.state \
         from {states} order by u.id on conflict do nothing) \
         {events}",
        sent = sent.join(", "),
        rows = unnest(1, &columns),
        names = names.join(", "),
        fresh = fresh.join(", "),
        set = set.join(", "),
        kind = RunKind::Task as i16,
        states = unnest(columns.len() + 1, &states),
        events = insert_events(columns.len() + states.len() + 1),
    )
});

/// Writes a batch and commits it. `changes` are what some of the events say of task runs.
pub async fn write(mut tx: Tx<'_>, changes: Vec<Change>, events: &[Event]) -> Result<()> {
    let events = EventRows::of(events);
    if changes.is_empty() {
        tx.last_run(WRITE_EVENTS.as_str(), &events.params()).await?;
        return Ok(());
    }
    let lookup = recorder::keys(&changes);
    let params: [Param<'_>; 4] = [&lookup.ids, &lookup.flow_runs, &lookup.task_keys, &lookup.dynamic_keys];
    let found: Vec<Found> = tx.all(LOOK.as_str(), &params).await?;
    let standing: Vec<Standing> = found.into_iter().map(|found| found.0).collect();

    let Recording { runs, states } = recorder::plan(changes, &standing);
    let (runs, states) = (RunRows::of(runs), StateRows::of(states));
    let params = [runs.params(), states.params(), events.params()].concat();
    tx.last_run(WRITE_ALL.as_str(), &params).await?;
    Ok(())
}

/// Makes a struct of columns with their parameters in order.
macro_rules! rows {
    ($name:ident $(<$life:lifetime>)? { $($field:ident: $type:ty,)+ }) => {
        #[derive(Default)]
        struct $name $(<$life>)? { $($field: Vec<$type>,)+ }

        impl $(<$life>)? $name $(<$life>)? {
            fn params(&self) -> Vec<Param<'_>> {
                vec![$(&self.$field),+]
            }
        }
    };
}

rows! { EventRows<'e> {
    occurred: Time,
    id: EventId,
    event: &'e str,
    resource_id: &'e str,
    resource: RawJson,
    related: RawJson,
    payload: &'e RawObject,
    follows: Option<EventId>,
} }

impl<'e> EventRows<'e> {
    fn of(events: &'e [Event]) -> Self {
        let mut rows = Self::default();
        for event in events {
            rows.occurred.push(event.occurred);
            rows.id.push(event.id);
            rows.event.push(&event.event);
            rows.resource_id.push(event.resource.id());
            rows.resource.push(RawJson::of(&event.resource));
            rows.related.push(RawJson::of(&event.related));
            rows.payload.push(&event.payload);
            rows.follows.push(event.follows);
        }
        rows
    }
}

rows! { StateRows { id: StateId, run_id: TaskRunId, timestamp: Time, state: Stored<State>, } }

impl StateRows {
    fn of(states: Vec<NewState>) -> Self {
        let mut rows = Self::default();
        for NewState { id, run_id, state } in states {
            rows.id.push(id);
            rows.run_id.push(run_id);
            rows.timestamp.push(state.timestamp);
            rows.state.push(Stored::of(&state));
        }
        rows
    }
}

rows! { RunRows {
    id: TaskRunId,
    fresh: bool,
    bits: i32,
    older: Option<RawJson>,
    flow_run_id: Option<FlowRunId>,
    task_key: Option<String>,
    dynamic_key: Option<String>,
    state_id: Option<StateId>,
    state_type: Option<StateType>,
    state_name: Option<String>,
    state_timestamp: Option<Time>,
    state: Option<Stored<State>>,
    name: Option<String>,
    cache_key: Option<String>,
    cache_expiration: Option<Time>,
    task_version: Option<String>,
    empirical_policy: Option<Stored<TaskRunPolicy>>,
    tags: Option<RawJson>,
    labels: Option<domain::labels::Labels>,
    task_inputs: Option<TaskInputs>,
    run_count: Option<i32>,
    flow_run_run_count: Option<i32>,
    expected_start_time: Option<Time>,
    next_scheduled_start_time: Option<Time>,
    start_time: Option<Time>,
    end_time: Option<Time>,
    total_run_time: Option<f64>,
} }

impl RunRows {
    fn of(runs: Vec<Run>) -> Self {
        let mut rows = Self::default();
        runs.into_iter().for_each(|run| rows.push(run));
        rows
    }

    fn push(&mut self, Run { id, fresh, head, taken, older }: Run) {
        self.id.push(id);
        self.fresh.push(fresh);
        self.bits.push(taken.bits());
        self.older.push(older);
        let (keys, state) = match head {
            Some(Head { flow_run_id, task_key, dynamic_key, state }) => {
                ((flow_run_id, Some(task_key), Some(dynamic_key)), Some(state))
            }
            None => Default::default(),
        };
        self.flow_run_id.push(keys.0);
        self.task_key.push(keys.1);
        self.dynamic_key.push(keys.2);
        self.state_id.push(state.as_ref().map(|state| state.id));
        self.state_type.push(state.as_ref().map(|state| state.type_));
        self.state_name.push(state.as_ref().map(|state| state.name().to_owned()));
        self.state_timestamp.push(state.as_ref().map(|state| state.timestamp));
        self.state.push(state.as_ref().map(Stored::of));
        let Taken {
            name, cache_key, cache_expiration, task_version, empirical_policy, tags, labels, task_inputs, ..
        } = taken;
        // A new run must have a name; made of its id, because no order of arrival may change it.
        self.name.push(name.or_else(|| fresh.then(|| slug(id.0.as_u64_pair().1))));
        self.cache_key.push(cache_key.flatten());
        self.cache_expiration.push(cache_expiration.flatten());
        self.task_version.push(task_version.flatten());
        self.empirical_policy.push(
            empirical_policy.as_ref().map(Stored::of).or_else(|| fresh.then(|| Stored::of(&TaskRunPolicy::default()))),
        );
        self.tags.push(tags.as_ref().map(RawJson::of));
        self.labels.push(labels);
        self.task_inputs.push(task_inputs);
        self.run_count.push(taken.run_count);
        self.flow_run_run_count.push(taken.flow_run_run_count);
        self.expected_start_time.push(taken.expected_start_time.flatten());
        self.next_scheduled_start_time.push(taken.next_scheduled_start_time.flatten());
        self.start_time.push(taken.start_time.flatten());
        self.end_time.push(taken.end_time.flatten());
        self.total_run_time.push(taken.total_run_time);
    }
}

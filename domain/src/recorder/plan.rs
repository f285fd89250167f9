//! Many runs: which events are of one run, which row is theirs, and what is to be written.
//!
//! A run is known by its id and by what it is a run of (flow run, task key, dynamic key); either alone makes two events
//! ones of the same run. The row that is there keeps its id, and events that came under another id are put down to it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use wire::RawJson;

use super::Change;
use super::merge::{Merge, Standing, Taken};
use crate::state::State;
use crate::{FlowRunId, StateId, TaskRunId};

/// What is to be written of a batch of events, each list in the order in which rows must be locked.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    pub runs: Vec<Run>,
    pub states: Vec<NewState>,
}

/// A row to insert or to change.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub id: TaskRunId,
    pub fresh: bool,
    /// The newest state and the keys that came with it, unless the row's is newer.
    pub head: Option<Head>,
    pub taken: Taken,
    pub older: Option<RawJson>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    pub flow_run_id: Option<FlowRunId>,
    pub task_key: String,
    pub dynamic_key: String,
    pub state: State,
}

/// A state to keep.
#[derive(Debug, Clone, PartialEq)]
pub struct NewState {
    pub id: StateId,
    pub run_id: TaskRunId,
    pub state: State,
}

/// By what a row may be known.
#[derive(PartialEq, Eq, Hash, Clone, Copy)]
enum Key<'a> {
    Id(TaskRunId),
    Call(FlowRunId, &'a str, &'a str),
}

fn keys_of<'a>(
    id: TaskRunId,
    flow_run: Option<FlowRunId>,
    task: &'a str,
    dynamic: &'a str,
) -> impl Iterator<Item = Key<'a>> {
    [Some(Key::Id(id)), flow_run.map(|run| Key::Call(run, task, dynamic))].into_iter().flatten()
}

/// The rows to look for before planning: by id, and by flow run, task key and dynamic key.
#[derive(Debug, Default)]
pub struct Lookup {
    pub ids: Vec<TaskRunId>,
    pub flow_runs: Vec<FlowRunId>,
    pub task_keys: Vec<String>,
    pub dynamic_keys: Vec<String>,
}

/// See [`Lookup`].
pub fn keys(changes: &[Change]) -> Lookup {
    let mut seen = std::collections::HashSet::new();
    let mut lookup = Lookup::default();
    for change in changes {
        for key in keys_of(change.id, change.flow_run_id, &change.task_key, &change.dynamic_key) {
            match key {
                _ if !seen.insert(key) => {}
                Key::Id(id) => lookup.ids.push(id),
                Key::Call(run, task, dynamic) => {
                    lookup.flow_runs.push(run);
                    lookup.task_keys.push(task.to_owned());
                    lookup.dynamic_keys.push(dynamic.to_owned());
                }
            }
        }
    }
    lookup
}

/// What to write, given the rows that [`keys`] found.
pub fn plan(changes: Vec<Change>, standing: &[Standing]) -> Recording {
    let mut recording = Recording { runs: Vec::new(), states: Vec::with_capacity(changes.len()) };
    let rows = Rows::of(standing);
    for mut changes in grouped(changes, standing) {
        // Newest first, so that an older value is not even looked at.
        changes.sort_unstable_by_key(|change| std::cmp::Reverse(change.stamp()));
        let (id, row) = rows.target(&changes);
        let mut merge = Merge::of(row);
        let mut head = None;
        for mut change in changes {
            change.state.state_details.task_run_id = Some(id);
            if merge.take(&change) {
                let Change { flow_run_id, task_key, dynamic_key, .. } = change;
                head = Some(Head { flow_run_id, task_key, dynamic_key, state: change.state.clone() });
            }
            recording.states.push(NewState { id: change.state.id, run_id: id, state: change.state });
        }
        if head.is_some() || merge.taken.bits() != 0 {
            let older = merge.older();
            recording.runs.push(Run { id, fresh: row.is_none(), head, taken: merge.taken, older });
        }
    }
    recording.runs.sort_unstable_by_key(|run| run.id);
    recording.states.sort_unstable_by_key(|state| state.id);
    recording
}

/// The events of each run.
fn grouped(changes: Vec<Change>, standing: &[Standing]) -> Vec<Vec<Change>> {
    let mut sets = Sets::new(changes.len() + standing.len());
    let mut holder: HashMap<Key<'_>, usize> = HashMap::with_capacity(2 * changes.len());
    let of_changes = changes.iter().map(|c| keys_of(c.id, c.flow_run_id, &c.task_key, &c.dynamic_key));
    for (member, keys) in of_changes.enumerate() {
        for key in keys {
            match holder.entry(key) {
                Entry::Occupied(held) => sets.join(*held.get(), member),
                Entry::Vacant(free) => {
                    free.insert(member);
                }
            }
        }
    }
    // Two events may meet in a row only: one by its id, one by its keys.
    for row in standing {
        let held = keys_of(row.id, row.flow_run_id, &row.task_key, &row.dynamic_key).filter_map(|key| holder.get(&key));
        let held: Vec<usize> = held.copied().collect();
        held.windows(2).for_each(|pair| sets.join(pair[0], pair[1]));
    }
    drop(holder);
    let mut groups: HashMap<usize, Vec<Change>> = HashMap::with_capacity(changes.len());
    for (member, change) in changes.into_iter().enumerate() {
        groups.entry(sets.root(member)).or_default().push(change);
    }
    groups.into_values().collect()
}

/// The rows that are there, by whatever they are known by.
struct Rows<'s>(HashMap<Key<'s>, &'s Standing>);

impl<'s> Rows<'s> {
    fn of(standing: &'s [Standing]) -> Self {
        let keys = |row: &'s Standing| {
            keys_of(row.id, row.flow_run_id, &row.task_key, &row.dynamic_key).map(move |key| (key, row))
        };
        Self(standing.iter().flat_map(keys).collect())
    }

    /// The row of a call if there is one, else the one of the id.
    fn of_change(&self, change: &Change) -> Option<&'s Standing> {
        let keys = keys_of(change.id, change.flow_run_id, &change.task_key, &change.dynamic_key);
        keys.filter_map(|key| self.0.get(&key).copied()).last()
    }

    /// The row that the events, newest first, are of, and its id; without a row the id under which the first came.
    fn target(&self, changes: &[Change]) -> (TaskRunId, Option<&'s Standing>) {
        // In the reference's order: the newest's keys, its id, then whatever else is there.
        let row = changes.first().and_then(|newest| self.of_change(newest));
        let row = row.or_else(|| changes.iter().filter_map(|change| self.of_change(change)).min_by_key(|row| row.id));
        match (row, changes.last()) {
            (Some(row), _) => (row.id, Some(row)),
            (None, Some(first)) => (first.id, None),
            // A group has a member.
            (None, None) => (TaskRunId(uuid::Uuid::nil()), None),
        }
    }
}

/// Disjoint sets of numbers (union-find with path halving).
struct Sets(Vec<usize>);

impl Sets {
    fn new(size: usize) -> Self {
        Self((0..size).collect())
    }

    fn root(&mut self, mut member: usize) -> usize {
        while self.0[member] != member {
            self.0[member] = self.0[self.0[member]];
            member = self.0[member];
        }
        member
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        self.0[one.max(other)] = one.min(other);
    }
}

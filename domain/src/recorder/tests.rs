//! The recorder's promise: any order, any cut into batches, twice, late — the run ends the same.

use std::collections::BTreeMap;

use uuid::Uuid;

use wire::Time;

use super::*;
use crate::run::TaskRunPolicy;
use crate::task_runs::TaskInputs;

/// A small generator of pseudo-random numbers (splitmix64), so that failures can be replayed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.roll(i + 1));
        }
    }
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn at(seconds: i64) -> Time {
    Time::from_micros(seconds * 1_000_000)
}

/// A table of task runs in memory, written to as the store writes to its own.
#[derive(Debug, Clone, Default, PartialEq)]
struct Table {
    runs: BTreeMap<TaskRunId, Row>,
    states: BTreeMap<StateId, NewState>,
}

#[derive(Debug, Clone, PartialEq)]
struct Row {
    head: Option<Head>,
    columns: Taken,
    older: Option<RawJson>,
}

impl Table {
    fn standing(&self, changes: &[Change]) -> Vec<Standing> {
        let lookup = keys(changes);
        let called = |head: &Head| {
            (0..lookup.flow_runs.len()).any(|i| {
                head.flow_run_id == Some(lookup.flow_runs[i])
                    && (&head.task_key, &head.dynamic_key) == (&lookup.task_keys[i], &lookup.dynamic_keys[i])
            })
        };
        let found =
            self.runs.iter().filter(|(id, row)| lookup.ids.contains(id) || row.head.as_ref().is_some_and(called));
        found
            .map(|(id, Row { head, columns, older })| {
                let head = head.as_ref().expect("rows of the test have a state");
                let c = columns;
                Standing {
                    id: *id,
                    flow_run_id: head.flow_run_id,
                    task_key: head.task_key.clone(),
                    dynamic_key: head.dynamic_key.clone(),
                    latest: Some(Stamp { timestamp: head.state.timestamp, state_id: head.state.id }),
                    nulls: vec![
                        c.cache_key.clone().flatten().is_none(),
                        c.cache_expiration.flatten().is_none(),
                        c.task_version.clone().flatten().is_none(),
                        c.expected_start_time.flatten().is_none(),
                        c.next_scheduled_start_time.flatten().is_none(),
                        c.start_time.flatten().is_none(),
                        c.end_time.flatten().is_none(),
                    ],
                    older: older.clone(),
                }
            })
            .collect()
    }

    fn record(&mut self, changes: Vec<Change>) {
        let standing = self.standing(&changes);
        let Recording { runs, states } = plan(changes, &standing);
        for Run { id, fresh, head, taken, older } in runs {
            assert_eq!(fresh, !self.runs.contains_key(&id));
            let row = self.runs.entry(id).or_insert(Row { head: None, columns: Taken::default(), older: None });
            row.head = head.or(row.head.take());
            row.older = older;
            let (old, c) = (std::mem::take(&mut row.columns), &mut row.columns);
            c.name = taken.name.or(old.name);
            c.cache_key = taken.cache_key.or(old.cache_key);
            c.cache_expiration = taken.cache_expiration.or(old.cache_expiration);
            c.task_version = taken.task_version.or(old.task_version);
            c.empirical_policy = taken.empirical_policy.or(old.empirical_policy);
            c.tags = taken.tags.or(old.tags);
            c.labels = taken.labels.or(old.labels);
            c.task_inputs = taken.task_inputs.or(old.task_inputs);
            c.run_count = taken.run_count.or(old.run_count);
            c.flow_run_run_count = taken.flow_run_run_count.or(old.flow_run_run_count);
            c.expected_start_time = taken.expected_start_time.or(old.expected_start_time);
            c.next_scheduled_start_time = taken.next_scheduled_start_time.or(old.next_scheduled_start_time);
            c.start_time = taken.start_time.or(old.start_time);
            c.end_time = taken.end_time.or(old.end_time);
            c.total_run_time = taken.total_run_time.or(old.total_run_time);
        }
        for state in states {
            self.states.entry(state.id).or_insert(state);
        }
    }
}

/// The `nth` event of a run, with columns left out, null or set as the dice have it.
fn random_change(run: u128, nth: u128, dice: &mut Dice) -> Change {
    // Few seconds for many events: equal timestamps are met.
    let timestamp = at(dice.roll(6) as i64);
    let state = State::new(StateId(id(run * 1000 + nth)), StateType::ALL[dice.roll(9)], timestamp);
    let mut columns = Columns::default();
    let time = |dice: &mut Dice| match dice.roll(3) {
        0 => Patch::Absent,
        1 => Patch::Set(None),
        _ => Patch::Set(Some(at(nth as i64))),
    };
    columns.start_time = time(dice);
    columns.end_time = time(dice);
    columns.next_scheduled_start_time = time(dice);
    columns.expected_start_time = time(dice);
    if dice.roll(2) == 0 {
        columns.run_count = Patch::Set(nth as i32);
    }
    if dice.roll(2) == 0 {
        columns.name = Patch::Set(format!("n{nth}"));
    }
    if dice.roll(2) == 0 {
        columns.tags = Patch::Set(vec![format!("t{nth}")]);
    }
    let flow_run_id = Some(FlowRunId(id(9)));
    Change { id: TaskRunId(id(run)), flow_run_id, task_key: "k".into(), dynamic_key: run.to_string(), state, columns }
}

#[test]
fn any_permutation_in_any_batches_ends_the_same() {
    for seed in 0..400 {
        let dice = &mut Dice(seed);
        let events: Vec<Change> = (1..=3)
            .flat_map(|run| (0..6).map(move |nth| (run, nth)))
            .map(|(run, nth)| random_change(run, nth, dice))
            .collect();
        let mut in_order = events.clone();
        in_order.sort_by_key(Change::stamp);
        let mut expected = Table::default();
        in_order.into_iter().for_each(|event| expected.record(vec![event]));

        for _ in 0..4 {
            let mut shuffled = events.clone();
            // Some come twice.
            shuffled.extend(events.iter().filter(|_| dice.roll(3) == 0).cloned().collect::<Vec<_>>());
            dice.shuffle(&mut shuffled);
            let mut table = Table::default();
            while !shuffled.is_empty() {
                let rest = shuffled.split_off(dice.roll(shuffled.len()) + 1);
                table.record(std::mem::replace(&mut shuffled, rest));
            }
            assert_eq!(table, expected, "seed {seed}");
        }
    }
}

#[test]
fn in_order_it_is_the_references_upsert() {
    // What is left out stays, what is null goes, nothing older changes anything that a newer one set.
    let mut first = random_change(1, 0, &mut Dice(0));
    first.state = State::running(StateId(id(1)), at(1));
    first.columns = Columns { start_time: Patch::Set(Some(at(1))), run_count: Patch::Set(1), ..Columns::default() };
    let mut second = first.clone();
    second.state = State::completed(StateId(id(2)), at(2));
    second.columns = Columns { end_time: Patch::Set(Some(at(2))), start_time: Patch::Set(None), ..Columns::default() };
    let mut table = Table::default();
    table.record(vec![first.clone()]);
    table.record(vec![second]);
    table.record(vec![first]);
    let row = &table.runs[&TaskRunId(id(1))];
    assert_eq!(row.head.as_ref().map(|head| head.state.type_), Some(StateType::Completed));
    assert_eq!((row.columns.start_time, row.columns.end_time), (Some(None), Some(Some(at(2)))));
    assert_eq!(row.columns.run_count, Some(1));
    assert_eq!(table.states.len(), 2);
}

#[test]
fn a_run_whose_events_set_everything_keeps_no_history_of_columns() {
    let mut change = random_change(1, 1, &mut Dice(1));
    change.columns = Columns {
        name: Patch::Set("n".into()),
        empirical_policy: Patch::Set(TaskRunPolicy::default()),
        tags: Patch::Set(vec![]),
        labels: Patch::Set(Labels::default()),
        task_inputs: Patch::Set(TaskInputs::default()),
        run_count: Patch::Set(0),
        flow_run_run_count: Patch::Set(0),
        total_run_time: Patch::Set(0.0),
        start_time: Patch::Set(Some(at(1))),
        ..Columns::default()
    };
    let recording = plan(vec![change.clone()], &[]);
    assert_eq!(recording.runs[0].older, None);
    change.columns.tags = Patch::Absent;
    assert_eq!(plan(vec![change], &[]).runs[0].older.as_ref().map(RawJson::text), Some(r#"{"tags":null}"#));
}

#[test]
fn events_of_one_run_are_known_by_id_or_by_keys() {
    let change = |run: u128, key: &str, nth: u128| {
        let mut change = random_change(run, nth, &mut Dice(7));
        change.state.timestamp = at(nth as i64);
        change.dynamic_key = key.into();
        change
    };
    // 1 and 2 by their keys, 2 and 3 by the id: one run, under the id that came first.
    let mut table = Table::default();
    table.record(vec![change(2, "b", 3), change(2, "a", 2), change(1, "a", 1)]);
    assert_eq!(table.runs.keys().copied().collect::<Vec<_>>(), [TaskRunId(id(1))]);
    assert!(table.states.values().all(|state| {
        state.run_id == TaskRunId(id(1)) && state.state.state_details.task_run_id == Some(state.run_id)
    }));
    // The row's id stays when the same call comes under another id, as after a retry of the flow run.
    table.record(vec![change(5, "b", 4)]);
    assert_eq!(table.runs.len(), 1);
    assert_eq!(table.states[&StateId(id(5004))].run_id, TaskRunId(id(1)));
    // Without a flow run, keys mean nothing.
    let alone = |run: u128| Change { flow_run_id: None, ..change(run, "a", 1) };
    let mut table = Table::default();
    table.record(vec![alone(1), alone(2)]);
    table.record(vec![alone(3)]);
    assert_eq!(table.runs.len(), 3);
}

#[test]
fn two_events_that_meet_in_a_row_only_are_of_one_run() {
    let mut first = random_change(1, 1, &mut Dice(3));
    first.dynamic_key = "a".into();
    let mut table = Table::default();
    table.record(vec![first.clone()]);
    let by_id = Change {
        dynamic_key: "other".into(),
        state: State::new(StateId(id(50)), StateType::Running, at(50)),
        ..first.clone()
    };
    let by_keys =
        Change { id: TaskRunId(id(77)), state: State::new(StateId(id(51)), StateType::Failed, at(51)), ..first };
    table.record(vec![by_keys, by_id]);
    assert_eq!(table.runs.len(), 1);
    assert_eq!(table.states.len(), 3);
}

#[test]
fn rows_come_in_the_order_of_locks() {
    let dice = &mut Dice(11);
    let mut changes: Vec<Change> = (1..200).map(|run| random_change(run, 1, dice)).collect();
    dice.shuffle(&mut changes);
    let Recording { runs, states } = plan(changes, &[]);
    assert!(runs.is_sorted_by_key(|run| run.id) && states.is_sorted_by_key(|state| state.id));
}

fn event(resource: &str, related: &str, payload: &str) -> Event {
    let text = format!(
        r#"{{"occurred":"2024-01-01T00:00:02Z","event":"prefect.task-run.Running","id":"00000000-0000-0000-0000-000000000001",
        "resource":{{"prefect.resource.id":"{resource}","prefect.orchestration":"client"}},"related":[{related}],"payload":{payload}}}"#
    );
    Event::of_message(&text).expect("the test holds events")
}

const RUN: &str = "prefect.task-run.00000000-0000-0000-0000-00000000000a";
const FLOW_RUN: &str = r#"{"prefect.resource.id":"prefect.flow-run.00000000-0000-0000-0000-00000000000f","prefect.resource.role":"flow-run"}"#;

#[test]
fn an_event_of_the_sdk_is_read() {
    let payload = r#"{"intended":{"from":"PENDING","to":"RUNNING"},"initial_state":null,
        "validated_state":{"type":"RUNNING","name":"Running","message":"m","state_details":{"deferred":false},"data":null},
        "task_run":{"name":"t-0","task_key":"t","dynamic_key":"0","empirical_policy":{"retries":2,"retry_delay":1},"tags":["a"],
        "labels":{"x":1},"task_inputs":{},"run_count":1,"flow_run_run_count":1,"total_run_time":1.5,"start_time":"2024-01-01T00:00:02Z","more":1}}"#;
    let change = change(&event(RUN, FLOW_RUN, payload)).expect("a client's").expect("a good one");
    assert_eq!(change.id, TaskRunId(id(0xA)));
    assert_eq!(change.flow_run_id, Some(FlowRunId(id(0xF))));
    assert_eq!((change.state.id, change.state.type_), (StateId(id(1)), StateType::Running));
    assert_eq!(change.state.timestamp.to_string(), "2024-01-01T00:00:02Z");
    assert_eq!(change.state.data, None);
    assert_eq!(change.state.state_details.flow_run_id, change.flow_run_id);
    assert_eq!(change.state.state_details.task_run_id, Some(change.id));
    let columns = change.columns;
    assert_eq!((columns.run_count, columns.total_run_time), (Patch::Set(1), Patch::Set(1.5)));
    assert_eq!((columns.end_time, columns.cache_key), (Patch::Absent, Patch::Absent));
}

#[test]
fn only_events_of_clients_about_task_runs_are_read() {
    let payload = r#"{"validated_state":{"type":"RUNNING"},"task_run":{"task_key":"t","dynamic_key":"0"}}"#;
    let good = event(RUN, FLOW_RUN, payload);
    assert!(change(&good).is_some_and(|read| read.is_ok()));
    assert_eq!(change(&Event { event: "prefect.flow-run.Running".into(), ..good.clone() }), None);
    let text = r#"{"occurred":0,"event":"prefect.task-run.Running","id":"00000000-0000-0000-0000-000000000001","resource":{"prefect.resource.id":"x"}}"#;
    assert_eq!(change(&Event::of_message(text).expect("an event")), None);
}

#[test]
fn what_cannot_be_read_says_why() {
    let task_run = r#""task_run":{"task_key":"t","dynamic_key":"0"}"#;
    for (resource, related, payload, why) in [
        ("prefect.task-run.x", FLOW_RUN, "{}", "has no id"),
        ("prefect.flow-run.x", FLOW_RUN, "{}", "is no prefect.task-run"),
        (RUN, &FLOW_RUN.replace("prefect.flow-run.", "x."), "{}", "is no prefect.flow-run"),
        (RUN, FLOW_RUN, "{}", "payload.validated_state: Field required; payload.task_run: Field required"),
        (
            RUN,
            FLOW_RUN,
            r#"{"validated_state":{"type":"X"},"task_run":{}}"#,
            "payload.task_run.dynamic_key: Field required",
        ),
        (RUN, FLOW_RUN, &format!(r#"{{"validated_state":null,{task_run}}}"#), "payload.validated_state: "),
        (
            RUN,
            FLOW_RUN,
            r#"{"validated_state":{"type":"RUNNING"},"task_run":{"task_key":"t","dynamic_key":"0","tags":null}}"#,
            "payload.task_run.tags: ",
        ),
    ] {
        let read = change(&event(resource, related, payload)).expect("a client's");
        assert!(read.as_ref().is_err_and(|found| found.contains(why)), "{why}: {read:?}");
    }
}

#[test]
fn durations() {
    for (text, seconds) in [
        ("PT1.5S", Some(1.5)),
        ("P1DT2H3M4S", Some(93_784.0)),
        ("-P1W", Some(-604_800.0)),
        ("P", None),
        ("PT", None),
        ("1", None),
        ("PT1", None),
        ("PT1X", None),
    ] {
        assert_eq!(iso_duration(text), seconds, "{text}");
    }
}

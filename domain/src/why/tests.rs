//! One run, and what is said of it as one thing after the other is different.

use uuid::Uuid;
use wire::Time;

use super::ReasonCode as Code;
use super::*;
use crate::rules::facts::CollisionStrategy;
use crate::state::{StateDetails, names};
use crate::{DeploymentId, FlowRunId, LimitId, ScheduleId, WorkPoolId, WorkQueueId};

fn at(seconds: i64) -> Time {
    Time::from_micros((1_800_000_000 + seconds) * 1_000_000)
}

/// Due a minute ago in a queue that was polled five seconds ago.
fn due() -> Facts {
    let nil = Uuid::nil();
    Facts {
        now: at(0),
        run: Run {
            id: FlowRunId(nil),
            name: "r".into(),
            state_type: Some(StateType::Scheduled),
            state_name: Some("Late".into()),
            since: Some(at(-60)),
            details: StateDetails::default(),
            expected_start_time: Some(at(-60)),
            next_scheduled_start_time: Some(at(-60)),
            start_time: None,
            retries_in_process: false,
            deployment_id: Some(DeploymentId(nil)),
            work_queue_name: Some("q".into()),
        },
        deployment: Some(Deployment { id: DeploymentId(nil), name: "d".into(), paused: false, last_polled: None }),
        schedule: Some(Schedule { id: ScheduleId(nil), slug: None, active: true }),
        queue: Some(Queue {
            id: WorkQueueId(nil),
            name: "q".into(),
            is_paused: false,
            last_polled: Some(at(-5)),
            slots: None,
            runs_ahead: 0,
        }),
        pool: Some(Pool {
            id: WorkPoolId(nil),
            name: "p".into(),
            is_paused: false,
            slots: None,
            workers: 1,
            workers_online: 1,
            last_heartbeat: Some(at(-5)),
        }),
        limit: None,
        tag_limits: Vec::new(),
    }
}

fn served() -> Facts {
    let mut facts = Facts { queue: None, pool: None, ..due() };
    facts.run.work_queue_name = None;
    facts
}

fn full(limit: i64, names: &[&str]) -> Slots {
    let holder = |name: &&str| SlotHolder {
        flow_run_id: Some(FlowRunId(Uuid::nil())),
        flow_run_name: Some((*name).to_owned()),
        task_run_id: None,
        task_run_name: None,
        state_name: None,
        since: None,
    };
    Slots { limit, taken: limit, holders: names.iter().map(holder).collect() }
}

fn codes(facts: &Facts) -> Vec<Code> {
    explain(facts).reasons.iter().map(|reason| reason.code).collect()
}

#[test]
fn each_thing_that_keeps_a_run_is_told_of() {
    let pool = |change: fn(&mut Pool)| {
        let mut facts = due();
        change(facts.pool.as_mut().unwrap());
        facts
    };
    let queue = |change: fn(&mut Queue)| {
        let mut facts = due();
        change(facts.queue.as_mut().unwrap());
        facts
    };
    let run = |change: fn(&mut Run)| {
        let mut facts = due();
        change(&mut facts.run);
        facts
    };
    for (facts, expected) in [
        (due(), Code::AwaitingPoll),
        (pool(|pool| pool.is_paused = true), Code::WorkPoolPaused),
        (pool(|pool| pool.slots = Some(full(2, &["a", "b"]))), Code::WorkPoolLimit),
        (queue(|queue| queue.is_paused = true), Code::WorkQueuePaused),
        (queue(|queue| queue.slots = Some(full(1, &["a"]))), Code::WorkQueueLimit),
        (queue(|queue| queue.last_polled = Some(at(-61))), Code::WorkQueueNotPolled),
        (run(|run| run.next_scheduled_start_time = Some(at(10))), Code::NotDue),
        (run(|run| run.retries_in_process = true), Code::RetriesInProcess),
        (run(|run| run.state_type = None), Code::NoState),
        (run(|run| run.state_type = Some(StateType::Pending)), Code::Submitted),
        (run(|run| run.state_type = Some(StateType::Running)), Code::Running),
        (run(|run| run.state_type = Some(StateType::Paused)), Code::Paused),
        (run(|run| run.state_type = Some(StateType::Cancelling)), Code::Cancelling),
        (run(|run| run.state_type = Some(StateType::Failed)), Code::Ended),
        (Facts { queue: None, pool: None, ..due() }, Code::WorkQueueDeleted),
        (Facts { deployment: None, ..due() }, Code::DeploymentDeleted),
        (served(), Code::NotServed),
    ] {
        assert_eq!(codes(&facts), [expected], "{facts:?}");
    }
}

#[test]
fn a_pool_without_workers_is_told_apart_from_workers_of_other_queues() {
    let mut facts = due();
    facts.queue.as_mut().unwrap().last_polled = None;
    let pool = facts.pool.as_mut().unwrap();
    (pool.workers, pool.workers_online, pool.last_heartbeat) = (2, 0, Some(at(-600)));
    let why = explain(&facts);
    assert_eq!(why.waits_for, Some(Code::NoWorker));
    assert_eq!(
        why.summary,
        r#"No worker of the work pool "p" is online: the last heartbeat was 10 minutes ago. Start one."#
    );
    assert_eq!(why.reasons[0].facts.seconds_since_seen, Some(600.0));
}

#[test]
fn a_served_flow_that_polls_takes_it_next() {
    let mut facts = served();
    facts.deployment.as_mut().unwrap().last_polled = Some(at(-3));
    assert_eq!(codes(&facts), [Code::AwaitingPoll]);
    facts.run.deployment_id = None;
    facts.deployment = None;
    assert_eq!(codes(&facts), [Code::NotDeployed]);
}

#[test]
fn retries_and_waits_for_a_slot_are_told_from_a_time_that_has_not_come() {
    for (name, expected) in
        [(names::AWAITING_RETRY, Code::AwaitingRetry), (names::AWAITING_CONCURRENCY_SLOT, Code::AwaitingSlot)]
    {
        let mut facts = due();
        (facts.run.state_name, facts.run.next_scheduled_start_time) = (Some(name.to_owned()), Some(at(30)));
        let why = explain(&facts);
        assert_eq!((why.reasons[0].code, why.reasons[0].facts.until), (expected, Some(at(30))));
    }
}

#[test]
fn what_makes_no_new_runs_is_told_and_keeps_nothing() {
    let mut facts = due();
    facts.deployment.as_mut().unwrap().paused = true;
    facts.schedule.as_mut().unwrap().active = false;
    let why = explain(&facts);
    assert_eq!(codes(&facts), [Code::AwaitingPoll, Code::DeploymentPaused, Code::SchedulePaused]);
    assert_eq!((why.waits_for, why.seconds_late), (None, 60.0));
}

#[test]
fn who_takes_the_slots_is_named() {
    let mut facts = due();
    let limit = |slots: Slots, active: bool| {
        let strategy = CollisionStrategy::Enqueue;
        Some(Limit { id: LimitId(Uuid::nil()), name: "deployment:x".into(), active, strategy, slots })
    };
    facts.limit = limit(full(1, &["first"]), false);
    assert_eq!(codes(&facts), [Code::AwaitingPoll], "a limit that is not active");
    facts.limit = limit(Slots { taken: 0, ..full(1, &[]) }, true);
    assert_eq!(codes(&facts), [Code::AwaitingPoll], "a slot is free");
    for (slots, expected) in [
        (full(1, &["a"]), r#"1 of 1 slot is taken, by "a""#),
        (full(2, &["a", "b"]), r#"2 of 2 slots are taken, by "a" and "b""#),
        (full(3, &["a", "b", "c"]), r#"3 of 3 slots are taken, by "a", "b" and "c""#),
        (full(4, &["a", "b", "c", "d"]), r#"4 of 4 slots are taken, by "a", "b", "c" and another"#),
        (full(9, &["a", "b"]), r#"9 of 9 slots are taken, by "a", "b" and 7 others"#),
        (full(2, &[]), "2 of 2 slots are taken"),
        (full(0, &[]), "it has no slots at all"),
    ] {
        facts.limit = limit(slots.clone(), true);
        let why = explain(&facts);
        assert_eq!(why.waits_for, Some(Code::DeploymentLimit));
        let said =
            format!("The concurrency limit of its deployment is reached: {expected}. It waits until one is free.");
        assert_eq!(why.summary, said);
        assert_eq!(why.reasons[0].facts.holders, slots.holders);
    }
}

#[test]
fn task_runs_that_wait_for_a_tag_are_told_of_while_the_run_runs() {
    let mut facts = due();
    facts.run.state_type = Some(StateType::Running);
    let waiting = vec![Thing::new(ThingKind::TaskRun, Uuid::nil(), "t")];
    facts.tag_limits =
        vec![TagLimit { id: LimitId(Uuid::nil()), tag: "db".into(), slots: full(1, &["other"]), waiting }];
    let why = explain(&facts);
    assert_eq!(codes(&facts), [Code::Running, Code::TagLimit]);
    let said = r#"1 of its task runs waits for the limit of the tag "db": 1 of 1 slot is taken, by "other"."#;
    assert_eq!(why.reasons[1].message, said);
}

#[test]
fn a_run_that_began_late_stays_so_and_one_that_never_began_is_not_late_when_it_ended() {
    let mut facts = due();
    (facts.run.state_type, facts.run.start_time) = (Some(StateType::Running), Some(at(-50)));
    assert_eq!(explain(&facts).seconds_late, 10.0);
    (facts.run.state_type, facts.run.start_time) = (Some(StateType::Cancelled), None);
    assert_eq!(explain(&facts).seconds_late, 0.0);
}

#[test]
fn codes_are_as_they_were() {
    for (code, word) in [(Code::AwaitingSlot, "awaiting_concurrency_slot"), (Code::NotServed, "not_served")] {
        assert_eq!(serde_json::to_value(code).unwrap(), word);
    }
}

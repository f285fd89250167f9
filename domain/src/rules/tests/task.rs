//! Rules for task runs: what no client can make the reference show, or not in a short time.

use std::time::Duration;

use super::{at, id, now, state, task_run};
use crate::ids::{FlowRunId, LeaseId, LimitId, StateId, TaskRunId};
use crate::rules::caller::Caller;
use crate::rules::decision::{Decision, Effect, HELD_FOREVER, Holder, Verdict};
use crate::rules::facts::{EnclosingRun, LimitFacts, TaskFacts};
use crate::rules::{Proposal, TaskPolicy, decide_task};
use crate::run::{RetryDelay, TaskRunCore};
use crate::settings::Settings;
use crate::state::StateType::{self, *};
use crate::state::{State, names};

struct Ask {
    run: TaskRunCore,
    state: State,
    facts: TaskFacts,
    policy: TaskPolicy,
    seed: u64,
}

fn ask(run: TaskRunCore, to: StateType) -> Ask {
    let state = State { id: StateId(id(99)), ..state(to) };
    Ask { run, state, facts: TaskFacts::default(), policy: TaskPolicy::Core, seed: 1 }
}

impl Ask {
    fn decide(self) -> Decision<TaskRunCore> {
        let Self { run, state, facts, policy, seed } = self;
        let (caller, settings) =
            (&Caller::default(), &Settings { tag_slot_wait: Duration::from_secs(10), ..Settings::default() });
        decide_task(Proposal { run, state, facts: &facts, caller, now: now(), settings, seed }, policy)
    }
}

fn tag(n: u128, limit: i64, active_slots: i64) -> LimitFacts {
    LimitFacts {
        id: LimitId(id(n)),
        name: format!("tag:t{n}"),
        active: true,
        limit,
        active_slots,
        avg_slot_occupancy_seconds: 0.0,
    }
}

#[test]
fn secure_task_concurrency_slots() {
    let off = LimitFacts { active: false, ..tag(5, 0, 0) };
    let zero = "The concurrency limit on tag \"t3\" is 0 and will deadlock if the task tries to run again.";
    // limits: status, reason, limits whose slots are taken
    for (limits, status, why, taken) in [
        (vec![], "ACCEPT", "", vec![]),
        (vec![tag(1, 1, 0)], "ACCEPT", "", vec![1]),
        (vec![tag(1, 1, 0), tag(2, 5, 4)], "ACCEPT", "", vec![1, 2]),
        (vec![tag(1, 1, 0), tag(2, 5, 5)], "WAIT", "Concurrency limit reached for tags: t1, t2", vec![]),
        (vec![tag(3, 0, 0)], "ABORT", zero, vec![]),
        (vec![tag(3, 0, 0), tag(1, 1, 0)], "ABORT", zero, vec![]),
        (vec![tag(3, 0, 0), tag(1, 1, 1)], "WAIT", "Concurrency limit reached for tags: t1", vec![]),
        (vec![off.clone()], "ACCEPT", "", vec![]),
        (vec![off, tag(1, 1, 0)], "ACCEPT", "", vec![1]),
    ] {
        let case = format!("{limits:?}");
        let decision =
            Ask { facts: TaskFacts { tag_limits: limits, ..TaskFacts::default() }, ..ask(task_run(Pending), Running) }
                .decide();
        let reason = match &decision.result.verdict {
            Verdict::Accept => "",
            Verdict::Reject { reason } | Verdict::Abort { reason } | Verdict::Wait { reason, .. } => reason,
            Verdict::RejectInput { .. } => panic!("no rule says so"),
        };
        assert_eq!((decision.result.verdict.status(), reason), (status, why), "{case}");
        let secured: Vec<_> = decision.effects.iter().collect();
        match &secured[..] {
            [] => assert!(taken.is_empty(), "{case}"),
            [Effect::Secure(lease)] => {
                assert_eq!(lease.limits, taken.iter().map(|n| LimitId(id(*n))).collect::<Vec<_>>(), "{case}");
                assert_eq!((lease.ttl, lease.slots), (HELD_FOREVER, 1));
                assert_eq!(lease.holder, Some(Holder::TaskRun(TaskRunId(id(4)))));
            }
            other => panic!("{case}: {other:?}"),
        }
    }
}

#[test]
fn who_waits_for_a_slot_waits_about_as_long_as_one_is_held() {
    // average stay: bounds of the wait in seconds; the setting is ten
    for (stay, least, most) in [(0.0, 6, 13), (2.0, 1, 3), (100.0, 6, 13), (0.1, 0, 0)] {
        for seed in 0..200 {
            let limit = LimitFacts { avg_slot_occupancy_seconds: stay, ..tag(1, 1, 1) };
            let facts = TaskFacts { tag_limits: vec![limit], ..TaskFacts::default() };
            let decision = Ask { facts, seed, ..ask(task_run(Pending), Running) }.decide();
            let Verdict::Wait { delay_seconds, .. } = decision.result.verdict else { panic!("no wait") };
            assert!((least..=most).contains(&delay_seconds), "{delay_seconds} s for a stay of {stay} s");
        }
    }
}

#[test]
fn the_wait_is_for_the_fullest_limit() {
    let limits = vec![
        LimitFacts { avg_slot_occupancy_seconds: 2.0, ..tag(1, 4, 1) },
        LimitFacts { avg_slot_occupancy_seconds: 8.0, ..tag(2, 4, 4) },
    ];
    let facts = TaskFacts { tag_limits: limits, ..TaskFacts::default() };
    let decision = Ask { facts, ..ask(task_run(Pending), Running) }.decide();
    assert!(
        matches!(decision.result.verdict, Verdict::Wait { delay_seconds: 5..=11, .. }),
        "{:?}",
        decision.result.verdict
    );
}

#[test]
fn a_slot_that_was_secured_for_nothing_is_not_taken() {
    let mut run = task_run(Scheduled);
    if let Some(state) = &mut run.progress.state {
        state.state_details.scheduled_time = Some(at(1_800_000_050));
    }
    let facts = TaskFacts { tag_limits: vec![tag(1, 1, 0)], ..TaskFacts::default() };
    let decision = Ask { facts, ..ask(run, Running) }.decide();
    assert_eq!(decision.result.verdict.status(), "WAIT");
    assert!(decision.changes_nothing());
}

#[test]
fn release_task_concurrency_slots() {
    for policy in [TaskPolicy::Core, TaskPolicy::Minimal, TaskPolicy::Background] {
        for (to, releases) in [
            (Completed, true),
            (Failed, true),
            (Paused, true),
            (Scheduled, true),
            (Cancelling, false),
            (Running, false),
        ] {
            let facts = TaskFacts { held_leases: vec![LeaseId(id(8)), LeaseId(id(9))], ..TaskFacts::default() };
            let decision = Ask { facts, policy, ..ask(task_run(Running), to) }.decide();
            let released = decision.effects.iter().filter(|effect| matches!(effect, Effect::Release { .. })).count();
            assert_eq!(released, if releases { 2 } else { 0 }, "{policy:?} to {to}");
        }
    }
}

#[test]
fn cache_retrieval() {
    let cached = || Some(State { data: wire::RawJson::from_text("1".into()), ..state(Completed) });
    // key, refresh, cached: found
    for (key, refresh, cached, found) in [
        (Some("k"), None, cached(), true),
        (Some("k"), Some(false), cached(), true),
        (Some("k"), Some(true), cached(), false),
        (Some("k"), None, None, false),
        (Some(""), None, cached(), false),
        (None, None, cached(), false),
    ] {
        let mut proposal =
            Ask { facts: TaskFacts { cached, ..TaskFacts::default() }, ..ask(task_run(Pending), Running) };
        proposal.state.state_details.cache_key = key.map(str::to_owned);
        proposal.state.state_details.refresh_cache = refresh;
        let decision = proposal.decide();
        let state = decision.written.expect("written").state;
        assert_eq!(state.name(), if found { names::CACHED } else { names::RUNNING }, "{key:?} {refresh:?}");
        if found {
            assert_eq!(decision.result.verdict, Verdict::Reject { reason: "Retrieved state from cache".into() });
            assert_eq!((state.timestamp, state.data.is_some()), (now(), true));
            assert_ne!(state.id, StateId(id(1)), "a state of its own");
        }
    }
}

#[test]
fn cache_insertion() {
    let reached = |key: &str, policy: TaskPolicy| {
        let mut proposal = Ask { policy, ..ask(task_run(Running), Completed) };
        proposal.state.state_details.cache_key = Some(key.to_owned());
        proposal.state.state_details.cache_expiration = Some(at(5));
        proposal.decide()
    };
    let decision = reached("k", TaskPolicy::Core);
    let cached = Effect::Cache { key: "k".into(), expiration: Some(at(5)), state: StateId(id(99)) };
    assert_eq!((decision.effects, decision.result.verdict), (vec![cached], Verdict::Accept));
    assert_eq!(reached("", TaskPolicy::Core).effects, vec![]);
    assert_eq!(reached("k", TaskPolicy::Minimal).effects, vec![]);
    assert_eq!(reached(&"é".repeat(2000), TaskPolicy::Core).result.verdict, Verdict::Accept);

    let decision = reached(&"é".repeat(2001), TaskPolicy::Core);
    let reason = "Cache key exceeded maximum allowed length of 2000 characters.".to_owned();
    assert_eq!(decision.result.verdict, Verdict::Reject { reason });
    assert!(decision.written.is_some() && decision.effects.len() == 1, "it is told, and written all the same");
}

#[test]
fn retry_failed_tasks_with_jitter() {
    for seed in 0..200 {
        let mut run = task_run(Running);
        run.empirical_policy.retries = Some(1);
        run.empirical_policy.retry_delay = Some(RetryDelay::Always(100.into()));
        run.empirical_policy.retry_jitter_factor = Some(0.5);
        let decision = Ask { seed, ..ask(run, Failed) }.decide();
        let due = decision.run.progress.next_scheduled_start_time.expect("a time");
        assert!((30.0..=150.0).contains(&due.seconds_since(now())), "{due}");
    }
}

#[test]
fn retry_failed_tasks() {
    // retries, runs so far, retriable: retried
    for (retries, run_count, retriable, retried) in [
        (None, 1, None, false),
        (Some(0), 1, None, false),
        (Some(1), 1, None, true),
        (Some(1), 2, None, false),
        (Some(2), 2, Some(true), true),
        (Some(2), 1, Some(false), false),
    ] {
        let mut run = task_run(Running);
        run.empirical_policy.retries = retries;
        run.progress.run_count = run_count;
        let mut proposal = ask(run, Failed);
        proposal.state.state_details.retriable = retriable;
        proposal.state.message = Some("boom".into());
        let decision = proposal.decide();
        let state = decision.written.expect("written").state;
        assert_eq!(state.name() == names::AWAITING_RETRY, retried, "{retries:?} {run_count} {retriable:?}");
        assert_eq!(state.message.as_deref(), Some("boom"));
    }
}

#[test]
fn handle_task_terminal_state_transitions_take_back_what_was_for_nothing() {
    let stopped = EnclosingRun {
        id: FlowRunId(id(6)),
        run_count: 2,
        state_type: Some(Failed),
        pause_timeout: None,
        pause_reschedule: false,
    };
    for (state_type, run_count) in [(Some(Failed), 3), (None, 3), (Some(Running), 1)] {
        let mut run = task_run(Failed);
        run.flow_run_id = Some(stopped.id);
        run.progress.run_count = 3;
        run.flow_run_run_count = 1;
        let facts = TaskFacts { flow_run: Some(EnclosingRun { state_type, ..stopped }), ..TaskFacts::default() };
        let decision = Ask { facts, ..ask(run, Running) }.decide();
        assert_eq!(decision.run.progress.run_count, run_count, "{state_type:?}");
        assert_eq!(decision.run_changed, state_type == Some(Running));
        if state_type == Some(Running) {
            assert_eq!(decision.run.progress.state.as_ref().map(State::name), Some(names::RETRYING));
            assert_eq!(decision.run.flow_run_run_count, 2);
        }
    }
}

#[test]
fn enqueue_scheduled_tasks() {
    for (name, deferred, expected) in [
        (names::SCHEDULED, Some(true), Some(false)),
        (names::AWAITING_RETRY, Some(true), Some(true)),
        (names::SCHEDULED, Some(false), None),
        (names::SCHEDULED, None, None),
    ] {
        for policy in [TaskPolicy::Core, TaskPolicy::Minimal] {
            let mut proposal = Ask { policy, ..ask(task_run(Pending), Scheduled) };
            proposal.state.name = Some(name.into());
            proposal.state.state_details.deferred = deferred;
            let run = proposal.run.id;
            let offered = expected.map(|retry| Effect::Offer { run, task_key: "key".into(), retry });
            assert_eq!(proposal.decide().effects, Vec::from_iter(offered), "{name} {deferred:?} {policy:?}");
        }
    }
}

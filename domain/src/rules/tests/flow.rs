//! Rules for flow runs: what no client can make the reference show, or not in a short time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use wire::{RawJson, Time};

use super::{at, deployed, flow_run, id, now, state, task_run};
use crate::ids::{DeploymentId, FlowRunId, LeaseId, LimitId, StateId, TaskRunId};
use crate::rules::caller::{ApiVersion, Caller, ClientVersion};
use crate::rules::decision::{Decision, Effect, Holder, Verdict};
use crate::rules::facts::{
    CollisionStrategy, ConcurrencyOptions, DeploymentFacts, FlowFacts, LimitFacts, OtherTask, TaskFacts,
};
use crate::rules::{FlowPolicy, Proposal, decide_flow};
use crate::run::{FlowRunCore, FlowRunPolicy, RetryType};
use crate::settings::Settings;
use crate::state::StateType::{self, *};
use crate::state::{State, names};

struct Ask {
    run: FlowRunCore,
    state: State,
    facts: FlowFacts,
    caller: Caller,
    policy: FlowPolicy,
}

fn ask(run: FlowRunCore, to: StateType) -> Ask {
    let state = State { id: StateId(id(99)), ..state(to) };
    Ask { run, state, facts: FlowFacts::default(), caller: client("3.9.1"), policy: FlowPolicy::Core }
}

impl Ask {
    fn decide(self) -> Decision<FlowRunCore> {
        let Self { run, state, facts, caller, policy } = self;
        let settings = &Settings::default();
        decide_flow(Proposal { run, state, facts: &facts, caller: &caller, now: now(), settings, seed: 1 }, policy)
    }
}

fn client(version: &str) -> Caller {
    Caller { api_version: None, client: ClientVersion::parse(version) }
}

fn api(a: u64, b: u64, c: u64) -> Caller {
    Caller { api_version: Some(ApiVersion(a, b, c)), client: None }
}

fn limited(limit: i64, active_slots: i64, strategy: Option<CollisionStrategy>) -> FlowFacts {
    let limit = LimitFacts {
        id: LimitId(id(7)),
        name: "deployment".into(),
        active: true,
        limit,
        active_slots,
        avg_slot_occupancy_seconds: 0.0,
    };
    let options = strategy.map(|collision_strategy| ConcurrencyOptions { collision_strategy, grace_period: None });
    FlowFacts {
        deployment: Some(DeploymentFacts { limit_id: Some(limit.id), limit: Some(limit), options }),
        ..FlowFacts::default()
    }
}

fn leased(mut run: FlowRunCore) -> FlowRunCore {
    if let Some(state) = &mut run.progress.state {
        state.state_details.deployment_concurrency_lease_id = Some(LeaseId(id(8)));
    }
    run
}

fn reason(verdict: &Verdict) -> &str {
    match verdict {
        Verdict::Accept => "",
        Verdict::Reject { reason } | Verdict::Abort { reason } | Verdict::Wait { reason, .. } => reason,
        Verdict::RejectInput { .. } => panic!("no rule says so"),
    }
}

#[test]
fn secure_flow_concurrency_slots() {
    use CollisionStrategy::{CancelNew, Enqueue};
    const FULL: &str = "Deployment concurrency limit reached.";
    const ZERO: &str = "The deployment concurrency limit is 0. The flow will deadlock if submitted again.";
    // limit, in use, strategy: status, reason, name of the state
    for (limit, active, strategy, status, why, name) in [
        (1, 0, None, "ACCEPT", "", names::PENDING),
        (2, 1, Some(Enqueue), "ACCEPT", "", names::PENDING),
        (1, 1, None, "REJECT", FULL, names::AWAITING_CONCURRENCY_SLOT),
        (1, 2, Some(Enqueue), "REJECT", FULL, names::AWAITING_CONCURRENCY_SLOT),
        (1, 1, Some(CancelNew), "REJECT", FULL, names::CANCELLED),
        (0, 0, Some(CancelNew), "ABORT", ZERO, names::SCHEDULED),
    ] {
        let decision = Ask { facts: limited(limit, active, strategy), ..ask(deployed(Scheduled), Pending) }.decide();
        let case = format!("{active} of {limit}, {strategy:?}");
        assert_eq!((decision.result.verdict.status(), reason(&decision.result.verdict)), (status, why), "{case}");
        let state = decision.result.state.expect("a state");
        assert_eq!(state.name(), name, "{case}");
        let secured = decision.effects.iter().any(|effect| matches!(effect, Effect::Secure(_)));
        assert_eq!(secured, status == "ACCEPT", "{case}");
        if name == names::AWAITING_CONCURRENCY_SLOT {
            assert_eq!(state.state_details.scheduled_time, Some(now() + Duration::from_secs(30)));
        }
    }
}

#[test]
fn secure_flow_concurrency_slots_edges() {
    let mut switched_off = limited(9, 0, None);
    if let Some(limit) = switched_off.deployment.as_mut().and_then(|deployment| deployment.limit.as_mut()) {
        limit.active = false;
    }
    let decision = Ask { facts: switched_off, ..ask(deployed(Scheduled), Pending) }.decide();
    assert_eq!(reason(&decision.result.verdict), "Deployment concurrency limit reached.");

    let decision = ask(deployed(Scheduled), Pending).decide();
    assert_eq!(decision.result.verdict, Verdict::Abort { reason: "Deployment not found.".into() });

    let decision =
        Ask { facts: limited(1, 1, None), caller: client("3.0.3"), ..ask(deployed(Scheduled), Pending) }.decide();
    assert_eq!((decision.result.verdict, decision.effects), (Verdict::Accept, vec![]), "the worker takes slots itself");
}

#[test]
fn a_slot_is_held_as_long_as_the_deployment_says() {
    for (grace, expected) in [(None, 300), (Some(60), 60)] {
        let mut facts = limited(1, 0, Some(CollisionStrategy::Enqueue));
        if let Some(options) = facts.deployment.as_mut().and_then(|deployment| deployment.options.as_mut()) {
            options.grace_period = grace.map(Duration::from_secs);
        }
        let decision = Ask { facts, ..ask(deployed(Scheduled), Pending) }.decide();
        let [Effect::Secure(lease)] = &decision.effects[..] else { panic!("{:?}", decision.effects) };
        assert_eq!(
            (lease.ttl.as_secs(), lease.slots, lease.holder, &lease.limits[..]),
            (expected, 1, None, &[LimitId(id(7))][..])
        );
        let named = decision.run.progress.state.and_then(|state| state.state_details.deployment_concurrency_lease_id);
        assert_eq!(named, Some(lease.id));
    }
}

#[test]
fn a_slot_that_was_secured_for_nothing_is_not_taken() {
    // HandleResumingPausedFlows refuses after SecureFlowConcurrencySlots has agreed.
    let decision = Ask { facts: limited(1, 0, None), ..ask(leased(deployed(Paused)), Pending) }.decide();
    assert_eq!(decision.result.verdict.status(), "REJECT");
    assert_eq!(decision.effects, vec![]);
    assert!(decision.run_changed && decision.run.empirical_policy.resuming == Some(true));
    let lease = |state: Option<State>| state.and_then(|state| state.state_details.deployment_concurrency_lease_id);
    assert_eq!(lease(decision.result.state), None);
    assert_eq!(lease(decision.run.progress.state), Some(LeaseId(id(8))), "what is stored stays");
}

#[test]
fn validate_deployment_concurrency_at_running() {
    const LOST: &str = "Deployment concurrency limit reached after lease expiry.";
    // client, lease stands, slots in use of 1: reason, then what is done
    for (version, stands, active, why, done) in [
        ("3.9.1", true, 1, "", "renewed"),
        ("3.9.1", false, 0, "", "secured"),
        ("3.9.1", false, 1, LOST, "released"),
        ("3.4.10", false, 1, "", "held"),
        ("3.4.10", true, 1, "", "held"),
        ("curl", true, 1, "", "held"),
    ] {
        let facts = FlowFacts { lease_stands: stands, ..limited(1, active, None) };
        let decision = Ask { facts, caller: client(version), ..ask(leased(deployed(Pending)), Running) }.decide();
        assert_eq!(reason(&decision.result.verdict), why, "{version} {stands} {active}");
        let did = match &decision.effects[..] {
            [Effect::Renew { ttl, .. }] if ttl.as_secs() == 300 => "renewed",
            [Effect::Secure(lease)] if lease.holder == Some(Holder::FlowRun(FlowRunId(id(2)))) => "secured",
            [Effect::Hold { .. }] => "held",
            [Effect::Release { lease: LeaseId(_) }] => "released",
            other => panic!("{other:?}"),
        };
        assert_eq!(did, done, "{version} {stands} {active}");
    }
}

#[test]
fn a_slot_found_again_is_not_taken_for_a_run_that_must_wait() {
    let mut run = leased(deployed(Pending));
    if let Some(state) = &mut run.progress.state {
        state.state_details.scheduled_time = Some(at(1_800_000_100));
    }
    let decision = Ask { facts: limited(1, 0, None), ..ask(run, Running) }.decide();
    assert_eq!(
        decision.result.verdict,
        Verdict::Wait { delay_seconds: 100, reason: "Scheduled time is in the future".into() }
    );
    assert!(decision.changes_nothing());
}

#[test]
fn release_flow_concurrency_slots() {
    // from, to, with a lease: released by lease, by count, or not
    for (from, to, lease, expected) in [
        (Running, Completed, true, "lease"),
        (Running, Completed, false, "count"),
        (Running, Paused, true, "lease"),
        (Pending, Scheduled, true, "lease"),
        (Cancelling, Cancelled, false, "count"),
        (Running, Cancelling, true, "none"),
        (Pending, Cancelling, true, "none"),
        (Scheduled, Cancelled, true, "none"),
        (Paused, Failed, true, "none"),
    ] {
        let run = if lease { leased(deployed(from)) } else { deployed(from) };
        let decision = Ask { facts: limited(1, 1, None), ..ask(run, to) }.decide();
        let released = match &decision.effects[..] {
            [Effect::Release { .. }] => "lease",
            [Effect::GiveBack { slots: 1, .. }] => "count",
            [] => "none",
            other => panic!("{other:?}"),
        };
        assert_eq!(released, expected, "{from} to {to}");
    }
    let decision = Ask { facts: limited(1, 1, None), ..ask(flow_run(Running), Completed) }.decide();
    assert_eq!(decision.effects, vec![], "a run of no deployment");
}

#[test]
fn a_retry_in_process_keeps_its_slot_and_one_that_was_proposed_does_not() {
    let mut run = leased(deployed(Running));
    run.empirical_policy.retries = Some(1);
    run.progress.run_count = 1;
    let decision = Ask { facts: limited(1, 1, None), ..ask(run.clone(), Failed) }.decide();
    assert_eq!(decision.effects, vec![]);
    let state = decision.run.progress.state.expect("a state");
    assert_eq!(state.state_details.deployment_concurrency_lease_id, Some(LeaseId(id(8))));

    let mut proposal = Ask { facts: limited(1, 1, None), ..ask(run, Scheduled) };
    proposal.state.name = Some(names::AWAITING_RETRY.into());
    assert_eq!(proposal.decide().effects, vec![Effect::Release { lease: LeaseId(id(8)) }]);
}

#[test]
fn enforce_deployment_concurrency_on_late() {
    use CollisionStrategy::{CancelNew, Enqueue};
    const FULL: &str = "Deployment concurrency limit is full and uses the CANCEL_NEW strategy.";
    for (facts, name, why, expected) in [
        (limited(1, 1, Some(CancelNew)), names::LATE, FULL, names::CANCELLED),
        (limited(1, 0, Some(CancelNew)), names::LATE, "", names::LATE),
        (limited(1, 1, Some(Enqueue)), names::LATE, "", names::LATE),
        (limited(1, 1, None), names::LATE, "", names::LATE),
        (limited(0, 0, Some(CancelNew)), names::LATE, FULL, names::CANCELLED),
        (limited(1, 1, Some(CancelNew)), "Other", "", "Other"),
        (FlowFacts::default(), names::LATE, "", names::LATE),
    ] {
        let mut proposal = Ask { facts, policy: FlowPolicy::MarkLate, ..ask(deployed(Scheduled), Scheduled) };
        proposal.state.name = Some(name.into());
        let decision = proposal.decide();
        assert_eq!(reason(&decision.result.verdict), why);
        assert_eq!(decision.result.state.map(|state| state.name().to_owned()).as_deref(), Some(expected));
        assert!(decision.announced);
    }
}

#[test]
fn ensure_only_scheduled_flows_marked_late() {
    for (from, name, why) in [
        (Scheduled, names::SCHEDULED, ""),
        (Scheduled, names::LATE, "This flow run is already marked late."),
        (Pending, names::PENDING, "Only scheduled flows can be marked late."),
        (Completed, names::COMPLETED, "Only scheduled flows can be marked late."),
    ] {
        let mut run = deployed(from);
        run.progress.state = run.progress.state.map(|state| state.named(name));
        let mut proposal = Ask { policy: FlowPolicy::MarkLate, ..ask(run, Scheduled) };
        proposal.state.name = Some(names::LATE.into());
        let decision = proposal.decide();
        assert_eq!(reason(&decision.result.verdict), why, "{from} {name}");
        assert_eq!(decision.changes_nothing(), !why.is_empty());
        assert_eq!(decision.announced, why.is_empty());
    }
}

#[test]
fn ensure_flow_run_state_timestamp_is_unique() {
    let micros = |n: i64| Time::from_micros(now().micros() + n);
    for (taken, expected) in [(vec![], 0), (vec![0], 1), (vec![0, 1, 2], 3), (vec![1], 0), (vec![0, 2], 1)] {
        let taken_timestamps: BTreeSet<Time> = taken.iter().map(|n| micros(*n)).collect();
        let facts = FlowFacts { taken_timestamps, ..FlowFacts::default() };
        let decision = Ask { facts, ..ask(flow_run(Running), Completed) }.decide();
        let state = decision.written.expect("written").state;
        assert_eq!(state.timestamp, micros(expected), "{taken:?}");
        assert_eq!(decision.run.progress.end_time, Some(state.timestamp), "bookkeeping sees the moved time");
    }
}

#[test]
fn wait_for_scheduled_time_rounds_to_the_nearest_second() {
    for (micros, expected) in [
        (-10_000_000, None),
        (0, None),
        (500_000, None),
        (500_001, Some(1)),
        (1_500_000, Some(1)),
        (1_500_001, Some(2)),
        (60_000_000, Some(60)),
        (-400_000, None),
    ] {
        let mut run = flow_run(Scheduled);
        if let Some(state) = &mut run.progress.state {
            state.state_details.scheduled_time = Some(Time::from_micros(now().micros() + micros));
        }
        let decision = ask(run, Running).decide();
        let waits = match decision.result.verdict {
            Verdict::Wait { delay_seconds, .. } => Some(delay_seconds),
            _ => None,
        };
        assert_eq!(waits, expected, "{micros} µs ahead");
    }
}

#[test]
fn retry_failed_flows_of_old_clients_bring_their_tasks_back() {
    let mut failed = task_run(Failed);
    failed.progress.run_count = 5;
    let tasks =
        vec![OtherTask { run: failed, facts: TaskFacts { held_leases: vec![LeaseId(id(9))], ..TaskFacts::default() } }];
    for (caller, brings_back, retry_type) in [
        (api(0, 8, 2), true, None),
        (api(0, 8, 3), false, None),
        (api(0, 8, 4), false, Some(RetryType::InProcess)),
        (Caller::default(), false, Some(RetryType::InProcess)),
    ] {
        let mut run = flow_run(Running);
        run.empirical_policy = FlowRunPolicy { retries: Some(1), retry_delay: Some(7), ..FlowRunPolicy::default() };
        run.progress.run_count = 1;
        let facts = FlowFacts { failed_tasks: tasks.clone(), ..FlowFacts::default() };
        let decision = Ask { facts, caller: caller.clone(), ..ask(run, Failed) }.decide();
        assert_eq!(decision.run.empirical_policy.retry_type, retry_type, "{caller:?}");
        let [Effect::Task(task)] = &decision.effects[..] else {
            assert!(!brings_back && decision.effects.is_empty(), "{caller:?}");
            continue;
        };
        assert!(brings_back);
        let state = task.run.progress.state.as_ref().expect("a state");
        assert_eq!(
            (state.name(), state.state_details.scheduled_time),
            (names::AWAITING_RETRY, Some(at(1_800_000_007)))
        );
        assert_eq!(task.run.progress.run_count, 0);
        assert_eq!(task.effects, vec![Effect::Release { lease: LeaseId(id(9)) }], "its own slots are given back");
    }
}

#[test]
fn handle_pausing_flows_forgets_the_inputs_of_an_earlier_attempt() {
    let mut proposal = ask(flow_run(Running), Paused);
    let keyset = [("response", "p-1-response"), ("schema", "p-1-schema")];
    proposal.state.state_details.run_input_keyset =
        Some(BTreeMap::from(keyset.map(|(name, key)| (name.to_owned(), key.to_owned()))));
    let decision = proposal.decide();
    assert_eq!(decision.effects, vec![Effect::ForgetInputs { keys: vec!["p-1-response".into(), "p-1-schema".into()] }]);
    assert_eq!(decision.run.empirical_policy.pause_keys.map(|keys| keys.len()), Some(1), "a key is made up");
}

#[test]
fn handle_pausing_flows_copes_with_a_policy_without_keys() {
    let mut run = flow_run(Running);
    run.empirical_policy.pause_keys = None;
    let mut proposal = ask(run, Paused);
    proposal.state.state_details.pause_key = Some("a".into());
    let keys = proposal.decide().run.empirical_policy.pause_keys;
    assert_eq!(keys, Some(BTreeSet::from(["a".to_owned()])));
}

#[test]
fn update_subflow_parent_task() {
    let run = FlowRunCore { parent_task_run_id: Some(TaskRunId(id(4))), ..flow_run(Running) };
    let mut task = task_run(Running);
    task.flow_run_id = Some(FlowRunId(id(6)));
    let facts = FlowFacts {
        parent_task: Some(Box::new(OtherTask { run: task, facts: TaskFacts::default() })),
        ..FlowFacts::default()
    };
    let mut proposal = Ask { facts, ..ask(run.clone(), Completed) };
    proposal.state.data = RawJson::from_text(r#"{"type":"reference"}"#.into());
    let decision = proposal.decide();
    let [Effect::Task(parent)] = &decision.effects[..] else { panic!("{:?}", decision.effects) };
    let (own, of_parent) = (decision.written.expect("written"), parent.written.as_ref().expect("written"));
    assert_ne!(own.state.id, of_parent.state.id);
    assert_eq!(own.state.data, of_parent.state.data);
    assert_eq!(own.state.state_details.task_run_id, Some(TaskRunId(id(4))));
    let details = &of_parent.state.state_details;
    assert_eq!(
        (details.flow_run_id, details.task_run_id, details.child_flow_run_id),
        (Some(FlowRunId(id(6))), Some(TaskRunId(id(4))), Some(FlowRunId(id(2))))
    );
    let artifact = of_parent.artifact.as_ref().expect("an artifact of its own");
    assert_eq!((artifact.flow_run_id, artifact.task_run_id), (Some(FlowRunId(id(6))), Some(TaskRunId(id(4)))));

    let refused = ask(FlowRunCore { empirical_policy: FlowRunPolicy::default(), ..run }, Pending).decide();
    assert!(refused.changes_nothing(), "nothing is written, so the parent stays");
}

#[test]
fn results_that_were_not_persisted_are_shown_and_not_stored() {
    let mut proposal = ask(flow_run(Running), Completed);
    proposal.state.data = RawJson::from_text(r#"{"type":"unpersisted"}"#.into());
    let decision = proposal.decide();
    assert!(decision.result.state.is_some_and(|state| state.data.is_some()));
    let written = decision.written.expect("written");
    assert_eq!((written.state.data, written.artifact), (None, None));
    assert_eq!(decision.run.progress.state.and_then(|state| state.data), None);
}

#[test]
fn every_written_state_is_announced_under_every_policy_and_no_other() {
    for policy in [FlowPolicy::Core, FlowPolicy::Minimal, FlowPolicy::MarkLate] {
        for from in StateType::ALL {
            for to in StateType::ALL {
                let run = FlowRunCore { deployment_id: Some(DeploymentId(id(3))), ..flow_run(from) };
                let facts = limited(1, 0, None);
                let decision = Ask { facts, policy, ..ask(run, to) }.decide();
                assert_eq!(decision.announced, decision.written.is_some(), "{policy:?} {from} to {to}");
                let own = decision.written.as_ref().map(|written| written.state.id);
                let stands = decision.run.progress.state.as_ref().map(|state| state.id);
                assert_eq!(stands, own.or(Some(StateId(id(1)))), "the run stands in what was written, or stays");
                if decision.written.is_some() {
                    assert!(decision.run_changed);
                }
            }
        }
    }
}

#[test]
fn the_same_question_gets_the_same_answer() {
    let decide = || Ask { facts: limited(1, 0, None), ..ask(deployed(Scheduled), Pending) }.decide();
    assert_eq!(decide(), decide());
}

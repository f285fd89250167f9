//! Slots and leases on a real database.

use std::time::Duration;

use domain::concurrency_limits::{ConcurrencyLeaseHolder, ConcurrencyLimitV2Create, HolderType, Mode};
use domain::flow_runs::FlowRunCreate;
use domain::flows::FlowCreate;
use domain::rules::caller::{Caller, ClientVersion};
use domain::rules::decision::Verdict;
use domain::rules::{FlowPolicy, TaskPolicy};
use domain::settings::Settings;
use domain::state::StateType;
use domain::states::StateCreate;
use domain::task_runs::TaskRunCreate;
use domain::{DeploymentId, FlowRunId, LeaseId, LimitId, TaskRunId};
use uuid::Uuid;
use wire::{Input, Time};

use super::slots::{NewLease, Taken, Taking};
use super::{Which, leases, slots, tags};
use crate::flow_runs::{self, Creation};
use crate::orchestration::{Asks, Outcome};
use crate::testing::{Installation, workspace};
use crate::{Lane, Scope, Tx, flows, task_runs};

fn parsed<T: Input>(text: &str) -> T {
    let body = wire::json::parse(text.as_bytes()).expect("the test holds JSON");
    let mut errors = wire::Errors::of_body();
    T::parse(&body, &mut errors).unwrap_or_else(|| panic!("{text}: {:?}", errors.items()))
}

async fn write(scope: &Scope) -> Tx<'_> {
    scope.write(Lane::Hot).await.unwrap()
}

async fn limit(scope: &Scope, body: &str) -> LimitId {
    let new: ConcurrencyLimitV2Create = parsed(body);
    super::create(write(scope).await, &new).await.unwrap().id
}

/// Takes a slot of each with a lease of an hour, if there is room.
async fn take(scope: &Scope, names: &[&str]) -> Option<LeaseId> {
    let id = LeaseId::new(Time::of_machine());
    let holder = ConcurrencyLeaseHolder { r#type: HolderType::TaskRun, id: Uuid::from_u128(7) };
    let lease = NewLease { id, seconds: 3600.0, holder: Some(holder) };
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let how = Taking::In(Mode::Concurrency);
    match slots::take(write(scope).await, &names, 1, how, Some(lease), &Settings::default()).await.unwrap() {
        Taken::All(_) => Some(id),
        Taken::Full(_) => None,
        other => panic!("{other:?}"),
    }
}

async fn in_use(scope: &Scope, name: &str) -> i64 {
    let mut tx = scope.read(Lane::Read).await.unwrap();
    super::read(&mut tx, &Which::Name(name.to_owned())).await.unwrap().expect("the limit is there").active_slots
}

/// Passes time for a limit and all leases.
async fn an_hour_passes(scope: &Scope) {
    let mut tx = write(scope).await;
    tx.run(
        "update concurrency_limit set updated = updated - interval '1 hour', denied_at = denied_at - interval '1 hour'",
        &[],
    )
    .await
    .unwrap();
    let ago = "update concurrency_lease set created = created - interval '1 hour', expires_at = expires_at - interval '1 hour'";
    tx.run(ago, &[]).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn slots_come_and_go_with_their_leases_and_only_once() {
    let Installation { control, .. } = Installation::create().await;
    let scope = workspace(&control).await;
    limit(&scope, r#"{"name":"a","limit":2}"#).await;
    limit(&scope, r#"{"name":"b","limit":1}"#).await;
    let both = take(&scope, &["b", "a"]).await.expect("there is room");
    assert_eq!(take(&scope, &["a", "b"]).await, None, "all or none");
    assert_eq!((in_use(&scope, "a").await, in_use(&scope, "b").await), (1, 1));
    let one = take(&scope, &["a"]).await.expect("there is room");
    assert!(leases::release(write(&scope).await, both).await.unwrap());
    assert!(!leases::release(write(&scope).await, both).await.unwrap(), "it is gone");
    assert_eq!((in_use(&scope, "a").await, in_use(&scope, "b").await), (1, 0));
    assert!(!leases::renew(write(&scope).await, both, Duration::from_secs(60)).await.unwrap());
    assert!(leases::renew(write(&scope).await, one, Duration::from_secs(60)).await.unwrap());
}

#[tokio::test]
async fn what_ran_out_is_reaped_and_what_was_renewed_is_not() {
    let Installation { control, .. } = Installation::create().await;
    let scope = workspace(&control).await;
    limit(&scope, r#"{"name":"a","limit":9}"#).await;
    let mut all = Vec::new();
    for _ in 0..4 {
        all.push(take(&scope, &["a"]).await.expect("there is room"));
    }
    assert_eq!(leases::reap(write(&scope).await).await.unwrap().count, 0, "none ran out");
    an_hour_passes(&scope).await;
    // It ran out and was not reaped yet, so it stands.
    assert!(leases::renew(write(&scope).await, all[0], Duration::from_secs(600)).await.unwrap());
    assert_eq!(leases::reap(write(&scope).await).await.unwrap().count, 3);
    assert_eq!(leases::reap(write(&scope).await).await.unwrap().count, 0);
    assert_eq!(in_use(&scope, "a").await, 1);
    let next = leases::next_expiry(&mut scope.read(Lane::Read).await.unwrap()).await.unwrap().expect("one is left");
    assert!(next > Time::of_machine() + Duration::from_secs(300));
    assert!(leases::release(write(&scope).await, all[0]).await.unwrap());
    assert_eq!(leases::next_expiry(&mut scope.read(Lane::Read).await.unwrap()).await.unwrap(), None);
}

#[tokio::test]
async fn the_average_stay_is_kept_and_tells_how_long_to_wait() {
    let Installation { control, .. } = Installation::create().await;
    let scope = workspace(&control).await;
    let id = limit(&scope, r#"{"name":"a","limit":1}"#).await;
    let stay = async || {
        let mut tx = scope.read(Lane::Read).await.unwrap();
        let (stay,): (f64,) =
            tx.one("select avg_slot_occupancy_seconds from concurrency_limit where id = $1", &[&id]).await.unwrap();
        stay
    };
    assert_eq!(stay().await, 2.0);
    let lease = take(&scope, &["a"]).await.expect("there is room");
    an_hour_passes(&scope).await;
    assert!(leases::release(write(&scope).await, lease).await.unwrap());
    // Half of an hour and half of what was: two samples for each slot.
    let after = stay().await;
    assert!((1790.0..1815.0).contains(&after), "{after}");
    slots::give_back(write(&scope).await, &["a".to_owned()], 1, Some(1.0)).await.unwrap();
    let then = stay().await;
    assert!((then - (after + 1.0) / 2.0).abs() < 1e-6, "{then}");
}

#[tokio::test]
async fn slots_that_no_lease_holds_are_not_taken_from_those_that_one_does() {
    let Installation { control, .. } = Installation::create().await;
    let scope = workspace(&control).await;
    let limit = limit(&scope, r#"{"name":"a","limit":3}"#).await;
    let give_back = async || {
        let mut changes = crate::orchestration::Changes::default();
        changes.loose_slots(crate::orchestration::LooseSlots { limit_id: limit, slots: 1 });
        write(&scope).await.last_run(changes.text(), &changes.params()).await.unwrap();
    };
    let none = None;
    let how = Taking::In(Mode::Concurrency);
    slots::take(write(&scope).await, &["a".to_owned()], 1, how, none, &Settings::default()).await.unwrap();
    take(&scope, &["a"]).await.expect("there is room");
    assert_eq!(in_use(&scope, "a").await, 2);
    give_back().await;
    assert_eq!(in_use(&scope, "a").await, 1, "the loose one");
    give_back().await;
    assert_eq!(in_use(&scope, "a").await, 1, "a lease holds it");
}

#[tokio::test]
async fn nothing_that_decayed_is_lost_by_what_is_written_meanwhile() {
    let Installation { control, .. } = Installation::create().await;
    let scope = workspace(&control).await;
    limit(&scope, r#"{"name":"a","limit":3,"active_slots":3,"slot_decay_per_second":0.0002}"#).await;
    let ask = async || {
        let how = Taking::In(Mode::RateLimit);
        slots::take(write(&scope).await, &["a".to_owned()], 1, how, None, &Settings::default()).await.unwrap()
    };
    // In an hour 0.72 of a slot comes back, which is none; and in another hour one.
    for (hours, full) in [(0, true), (1, true), (1, false), (0, true), (1, false), (1, true)] {
        for _ in 0..hours {
            an_hour_passes(&scope).await;
        }
        let taken = ask().await;
        assert_eq!(matches!(taken, Taken::Full(_)), full, "{taken:?}");
    }
}

async fn run(scope: &Scope, deployment: DeploymentId) -> FlowRunId {
    let new: FlowCreate = parsed(r#"{"name":"f"}"#);
    let flow = flows::create(write(scope).await, &new).await.unwrap().unwrap().0.id;
    let mut tx = write(scope).await;
    let sql = "insert into deployment (id, name, flow_id) values ($1, 'd', $2) on conflict do nothing";
    tx.run(sql, &[&deployment, &flow]).await.unwrap();
    tx.commit().await.unwrap();
    let new: FlowRunCreate =
        parsed(&format!(r#"{{"flow_id":"{flow}","deployment_id":"{deployment}","state":{{"type":"SCHEDULED"}}}}"#));
    match flow_runs::create(write(scope).await, new, None, &Asks::default()).await.unwrap() {
        Creation::Made(run, _) => run.id,
        other => panic!("{other:?}"),
    }
}

async fn set(scope: &Scope, run: FlowRunId, type_: &str) -> Outcome {
    let state: StateCreate = parsed(&format!(r#"{{"type":"{type_}"}}"#));
    let client = ClientVersion::parse("3.9.1");
    let asks = Asks { caller: Caller { client, ..Caller::default() }, ..Asks::default() };
    flow_runs::set_state(write(scope).await, run, state, FlowPolicy::Core, &asks).await.unwrap().expect("it is there")
}

#[tokio::test]
async fn runs_of_a_deployment_wait_for_its_slots() {
    let Installation { control, .. } = Installation::create().await;
    let scope = workspace(&control).await;
    let deployment = DeploymentId::new(Time::of_machine());
    let (first, second, third) =
        (run(&scope, deployment).await, run(&scope, deployment).await, run(&scope, deployment).await);
    let name = format!("deployment:{deployment}");
    let mut tx = write(&scope).await;
    let limit = super::set_for_deployment(&mut tx, deployment, 1).await.unwrap();
    assert_eq!(super::set_for_deployment(&mut tx, deployment, 1).await.unwrap(), limit);
    tx.run("update deployment set concurrency_limit_id = $1 where id = $2", &[&limit, &deployment]).await.unwrap();
    tx.commit().await.unwrap();

    let held = set(&scope, first, "PENDING").await;
    assert_eq!(held.result.verdict, Verdict::Accept);
    let lease = held.result.state.unwrap().state_details.deployment_concurrency_lease_id.expect("a lease");
    let waits = set(&scope, second, "PENDING").await;
    assert!(matches!(waits.result.verdict, Verdict::Reject { .. }), "{waits:?}");
    assert_eq!(waits.result.state.as_ref().map(|state| state.name()), Some("AwaitingConcurrencySlot"));
    assert_eq!(in_use(&scope, &name).await, 1);

    // Its client comes up in time, runs and ends.
    let runs = set(&scope, first, "RUNNING").await;
    assert_eq!(runs.result.state.unwrap().state_details.deployment_concurrency_lease_id, Some(lease));
    let ended = set(&scope, first, "COMPLETED").await;
    assert_eq!((ended.result.verdict, in_use(&scope, &name).await), (Verdict::Accept, 0));

    // Another is up too late: its slot went, and went to a third.
    assert_eq!(set(&scope, third, "PENDING").await.result.verdict, Verdict::Accept);
    an_hour_passes(&scope).await;
    assert_eq!(leases::reap(write(&scope).await).await.unwrap().count, 1);
    let fourth = run(&scope, deployment).await;
    assert_eq!(set(&scope, fourth, "PENDING").await.result.verdict, Verdict::Accept);
    let late = set(&scope, third, "RUNNING").await;
    assert_eq!(late.result.state.map(|state| state.type_), Some(StateType::Cancelled), "its place is taken");
    assert_eq!(in_use(&scope, &name).await, 1, "the fourth keeps its slot");

    // Without the slot being taken it takes another.
    assert_eq!(set(&scope, fourth, "CANCELLED").await.result.verdict, Verdict::Accept);
    let fifth = run(&scope, deployment).await;
    let pending = set(&scope, fifth, "PENDING").await.result.state.unwrap();
    an_hour_passes(&scope).await;
    assert_eq!(leases::reap(write(&scope).await).await.unwrap().count, 1);
    let running = set(&scope, fifth, "RUNNING").await.result.state.unwrap();
    let lease_of = |state: &domain::state::State| state.state_details.deployment_concurrency_lease_id;
    assert!(lease_of(&running).is_some() && lease_of(&running) != lease_of(&pending));
    assert_eq!(in_use(&scope, &name).await, 1);
    set(&scope, fifth, "FAILED").await;
    assert_eq!(in_use(&scope, &name).await, 0);
}

async fn task(scope: &Scope, key: &str) -> TaskRunId {
    let new: TaskRunCreate = parsed(&format!(
        r#"{{"task_key":"t","dynamic_key":"{key}","tags":["x","y","z"],"state":{{"type":"PENDING"}}}}"#
    ));
    task_runs::create(write(scope).await, new, &Asks::default()).await.unwrap().run.id
}

async fn set_task(scope: &Scope, run: TaskRunId, type_: &str) -> Verdict {
    let state: StateCreate = parsed(&format!(r#"{{"type":"{type_}"}}"#));
    let done = task_runs::set_state(write(scope).await, run, state, TaskPolicy::Core, &Asks::default()).await;
    done.unwrap().expect("it is there").result.verdict
}

#[tokio::test]
async fn tasks_take_the_slots_of_their_tags() {
    let Installation { control, .. } = Installation::create().await;
    let scope = workspace(&control).await;
    for (tag, slots) in [("x", 1), ("y", 2), ("other", 1)] {
        tags::set(write(&scope).await, tag, slots).await.unwrap();
    }
    let (first, second) = (task(&scope, "1").await, task(&scope, "2").await);
    assert_eq!(set_task(&scope, first, "RUNNING").await, Verdict::Accept);
    let mut tx = scope.read(Lane::Read).await.unwrap();
    let held = tags::read(&mut tx, tags::Which::Tag("y")).await.unwrap().unwrap().active_slots;
    assert_eq!(held, [first.0]);
    let waits = set_task(&scope, second, "RUNNING").await;
    assert!(matches!(&waits, Verdict::Wait { reason, .. } if reason.ends_with("tags: x, y")), "{waits:?}");
    assert_eq!(set_task(&scope, first, "COMPLETED").await, Verdict::Accept);
    assert_eq!((in_use(&scope, "tag:x").await, in_use(&scope, "tag:y").await), (0, 0));
    assert_eq!(set_task(&scope, second, "RUNNING").await, Verdict::Accept);
    assert_eq!((in_use(&scope, "tag:x").await, in_use(&scope, "tag:other").await), (1, 0));
}

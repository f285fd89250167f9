//! Replicas that are killed and stand still inside each service: nothing is done twice, nothing is lost, no slot is above
//! its limit, and none stays taken.
//!
//! A service has a scene: what it is to do, when that is done, and what would be wrong. A point is a message of its pass to
//! Postgres that does not arrive any more, or whose answer does not. There the replica is killed or stands still; another
//! takes over; and the first comes back, with what it had sent, while the other works or when it is done.
//!
//! `SERVICE_FAULTS=50` tries so many points of each service, at random, instead of a few; `SERVICE_FAULTS_SEED=7` others.

mod cleanups;
mod ground;
mod limits;
mod pools;
mod retention;
mod runs;
mod scene;
mod schedules;
mod strike;
mod task_workers;
mod trap;

use scene::Service;
use strike::at_points;

static ALL: &[&Service] = &[
    &runs::LATE,
    &runs::PAUSES,
    &runs::CANCELLATIONS,
    &runs::CHILDREN,
    &limits::LEASES,
    &cleanups::CLEANUPS,
    &pools::FOREMAN,
    &task_workers::TASK_WORKERS,
    &schedules::SCHEDULER,
    &retention::RETENTION,
];

#[test]
fn late_runs() {
    at_points(&runs::LATE);
}

#[test]
fn pauses_that_nobody_ends() {
    at_points(&runs::PAUSES);
}

#[test]
fn cancellations_that_nobody_carries_out() {
    at_points(&runs::CANCELLATIONS);
}

#[test]
fn children_of_cancelled_runs() {
    at_points(&runs::CHILDREN);
}

#[test]
fn leases_that_run_out() {
    at_points(&limits::LEASES);
}

#[test]
fn clean_ups_that_no_worker_ends() {
    at_points(&cleanups::CLEANUPS);
}

#[test]
fn tasks_of_task_workers_that_are_lost() {
    at_points(&task_workers::TASK_WORKERS);
}

#[test]
fn workers_and_pools_that_fall_silent() {
    at_points(&pools::FOREMAN);
}

#[test]
fn schedules() {
    at_points(&schedules::SCHEDULER);
}

#[test]
fn retention() {
    at_points(&retention::RETENTION);
}

#[test]
fn every_service_has_a_scene() {
    let passes = ground::Ground::with(|ground| {
        let metrics = tests::Api::new(&ground.serving.metrics_url(), None).get("").body;
        let text = metrics.as_str().expect("text").to_owned();
        let labels = text.lines().filter_map(|line| line.strip_prefix("prefecture_service_failures_total{service=\""));
        labels.filter_map(|rest| rest.split('"').next().map(str::to_owned)).collect::<Vec<_>>()
    });
    assert!(passes.len() >= 6, "{passes:?}");
    for pass in passes {
        assert!(ALL.iter().any(|service| service.pass == pass), "{pass}: give it a scene in tests/faults/services");
    }
    for service in ALL {
        assert!(trap::PASSES.iter().any(|(pass, _)| *pass == service.pass), "{}", service.name);
    }
}

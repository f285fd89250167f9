//! Decisions of the rules as rows to write.

use domain::rules::decision::{self, Decision, Effect, HELD_FOREVER, Holder, Written};
use domain::rules::event::{StateChange, Surroundings, state_change};
use domain::run::{FlowRunCore, Progress, TaskRunCore};
use domain::settings::Settings;
use domain::state::{State, StateType, names};
use domain::stored::Stored;
use domain::{ArtifactCollectionId, ArtifactId, FlowRunId};
use uuid::Uuid;
use wire::{RawJson, Time};

use super::changes::{
    CacheEntry, EndedLease, FlowRunChange, ForgottenInput, LatestArtifact, LeaseEnd, LooseSlots, NewArtifact, NewEvent,
    NewLease, NewOffer, NewState, TaskRunChange,
};
use super::{Aftermath, Changes};
use crate::concurrency_limits::leases;

/// Of which kind of run a state is (`run_state.kind`).
const OF_FLOW_RUN: i16 = 0;
const OF_TASK_RUN: i16 = 1;

/// Whether the run itself is there already.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Stands {
    /// It is updated.
    Already,
    /// It is inserted by the caller, in the decision's state.
    New,
}

/// When a service must look at a run that entered the state: its pause or cancellation is over, its children are to be
/// cancelled with it.
pub(crate) fn due(state: &State, settings: &Settings) -> Option<Time> {
    match state.type_ {
        StateType::Paused => state.state_details.pause_timeout,
        StateType::Cancelling => Some(state.timestamp + settings.cancelling_timeout),
        StateType::Cancelled => Some(state.timestamp),
        _ => None,
    }
}

/// When a service must look at the workspace for what was decided about a flow run.
pub(crate) fn flow_falls_due(decision: &Decision<FlowRunCore>, settings: &Settings) -> Option<Time> {
    let state = &decision.written.as_ref()?.state;
    let scheduled = decision.run.progress.next_scheduled_start_time.filter(|_| state.name() == names::SCHEDULED);
    let late = scheduled.map(|at| at + settings.late_after);
    let lease = decision.effects.iter().filter_map(|effect| match effect {
        Effect::Secure(decision::NewLease { ttl, .. }) | Effect::Renew { ttl, .. } => Some(*ttl),
        _ => None,
    });
    let lease_ends = lease.filter(|ttl| *ttl < HELD_FOREVER).map(|ttl| state.timestamp + ttl);
    late.into_iter().chain(due(state, settings)).chain(lease_ends).min()
}

/// Adds what was decided about a flow run.
pub(crate) fn apply_flow(
    decision: &Decision<FlowRunCore>,
    around: &Surroundings,
    stands: Stands,
    settings: &Settings,
    changes: &mut Changes,
    aftermath: &mut Aftermath,
) {
    let run = &decision.run;
    if let Some(written) = &decision.written {
        write_state(written, run.id.0, OF_FLOW_RUN, changes);
        if decision.announced {
            let event = state_change(run, decision.initial.as_ref(), &written.state, around);
            changes.event(stored_event(&event));
            aftermath.events.push(event);
        }
    }
    if decision.run_changed && stands == Stands::Already {
        let state = decision.written.as_ref().map(|written| &written.state);
        let Progress { run_count, expected_start_time, next_scheduled_start_time, start_time, end_time, .. } =
            run.progress;
        changes.flow_run(FlowRunChange {
            id: run.id,
            state_id: state.map(|state| state.id),
            state_type: state.map(|state| state.type_),
            state_name: state.map(|state| state.name().to_owned()),
            state_timestamp: state.map(|state| state.timestamp),
            state: state.map(Stored::of),
            state_due: state.and_then(|state| due(state, settings)),
            empirical_policy: Stored::of(&run.empirical_policy),
            run_count: count(run_count),
            expected_start_time,
            next_scheduled_start_time,
            start_time,
            end_time,
            total_run_time: total_run_time(&run.progress),
        });
    }
    carry_out(&decision.effects, Some(run.id), changes, aftermath);
}

/// Adds what was decided about a task run.
pub(crate) fn apply_task(
    decision: &Decision<TaskRunCore>,
    stands: Stands,
    changes: &mut Changes,
    aftermath: &mut Aftermath,
) {
    let run = &decision.run;
    if let Some(written) = &decision.written {
        write_state(written, run.id.0, OF_TASK_RUN, changes);
    }
    if decision.run_changed && stands == Stands::Already {
        let state = decision.written.as_ref().map(|written| &written.state);
        let Progress { run_count, expected_start_time, next_scheduled_start_time, start_time, end_time, .. } =
            run.progress;
        changes.task_run(TaskRunChange {
            id: run.id,
            state_id: state.map(|state| state.id),
            state_type: state.map(|state| state.type_),
            state_name: state.map(|state| state.name().to_owned()),
            state_timestamp: state.map(|state| state.timestamp),
            state: state.map(Stored::of),
            run_count: count(run_count),
            flow_run_run_count: count(run.flow_run_run_count),
            expected_start_time,
            next_scheduled_start_time,
            start_time,
            end_time,
            total_run_time: total_run_time(&run.progress),
        });
    }
    carry_out(&decision.effects, run.flow_run_id, changes, aftermath);
}

fn write_state(written: &Written, run_id: Uuid, kind: i16, changes: &mut Changes) {
    let Written { state, artifact } = written;
    changes.state(NewState { id: state.id, run_id, kind, timestamp: state.timestamp, state: Stored::of(state) });
    if let Some(artifact) = artifact {
        let id = ArtifactId::new(state.timestamp);
        if let Some(key) = artifact.key.clone() {
            let of_key = ArtifactCollectionId::new(state.timestamp);
            changes.latest_artifact(LatestArtifact { key, id: of_key, latest_id: id });
        }
        changes.artifact(NewArtifact {
            id,
            key: artifact.key.clone(),
            kind: artifact.type_.clone(),
            description: artifact.description.clone(),
            data: state.data.clone(),
            flow_run_id: artifact.flow_run_id,
            task_run_id: artifact.task_run_id,
        });
    }
}

fn carry_out(effects: &[Effect], flow_run: Option<FlowRunId>, changes: &mut Changes, aftermath: &mut Aftermath) {
    for effect in effects {
        match effect {
            Effect::Secure(lease) => changes.lease(NewLease {
                id: lease.id,
                limits: RawJson::of(&lease.limits),
                slots: lease.slots,
                seconds: lease.ttl.as_secs_f64(),
                holder_type: lease.holder.map(|holder| match holder {
                    Holder::FlowRun(_) => leases::FLOW_RUN,
                    Holder::TaskRun(_) => leases::TASK_RUN,
                }),
                holder_id: lease.holder.map(|holder| holder.id()),
            }),
            Effect::Renew { lease, ttl } => {
                changes.lease_end(LeaseEnd { lease: *lease, seconds: ttl.as_secs_f64() });
            }
            Effect::Hold { lease } => {
                changes.lease_end(LeaseEnd { lease: *lease, seconds: HELD_FOREVER.as_secs_f64() });
            }
            Effect::Release { lease } => changes.ended_lease(EndedLease { lease: *lease }),
            Effect::GiveBack { limit, slots } => changes.loose_slots(LooseSlots { limit_id: *limit, slots: *slots }),
            Effect::ForgetInputs { keys } => {
                for key in keys {
                    if let Some(flow_run_id) = flow_run {
                        changes.forget(ForgottenInput { flow_run_id, key: key.clone() });
                    }
                }
            }
            Effect::Cache { key, expiration, state } => {
                changes.cache(CacheEntry { cache_key: key.clone(), expiration: *expiration, state_id: *state });
            }
            Effect::Offer { run, task_key, retry } => {
                changes.offer(NewOffer { task_run_id: *run, task_key: task_key.clone(), retry: *retry });
                aftermath.offered.push(task_key.clone());
            }
            Effect::Task(decision) => apply_task(decision, Stands::Already, changes, aftermath),
        }
    }
}

fn stored_event(event: &StateChange) -> NewEvent {
    NewEvent {
        occurred: event.occurred,
        id: event.id,
        event: event.event.clone(),
        resource_id: event.resource.get("prefect.resource.id").unwrap_or_default().to_owned(),
        resource: RawJson::of(&event.resource),
        related: RawJson::of(&event.related),
        payload: RawJson::of(&event.payload),
        follows: event.follows,
    }
}

/// Counts have 32 bits in the store: enough for an entry into RUNNING each second for 68 years.
pub(crate) fn count(n: i64) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

fn total_run_time(progress: &Progress) -> f64 {
    progress.total_run_micros as f64 / 1e6
}

//! Deployments: flows with what it takes to run them elsewhere and later.

mod create;
pub mod parameters;
mod prepare;
mod runs;
mod update;

pub use create::DeploymentCreate;
pub use runs::{
    DeploymentBulkDeleteResponse, DeploymentFlowRunCreate, FlowRunBulkCreateResponse, FlowRunCreateResult,
    MOST_RUNS_AT_ONCE, RunsToCreate,
};
pub use update::DeploymentUpdate;

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wire::{Errors, Input, Json, Output, RawJson, RawObject, Time};

use crate::concurrency_limits::GlobalConcurrencyLimitResponse;
use crate::flow_runs::CreatedBy;
use crate::labels::Labels;
use crate::pulse::Readiness;
use crate::schedules::DeploymentSchedule;
use crate::stored::Stored;
use crate::{DeploymentId, FlowId, WorkQueueId};

/// A deployment, known by its name among those of its flow.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct Deployment {
    pub id: DeploymentId,
    pub created: Time,
    pub updated: Time,
    pub name: String,
    pub version: Option<String>,
    pub description: Option<String>,
    pub flow_id: FlowId,
    pub paused: bool,
    pub schedules: Vec<DeploymentSchedule>,
    /// Always null: the limit is an object of its own.
    pub concurrency_limit: Option<i32>,
    pub global_concurrency_limit: Option<GlobalConcurrencyLimitResponse>,
    pub concurrency_options: Option<Stored<ConcurrencyOptions>>,
    /// Overrides of the work pool's job variables.
    pub job_variables: RawObject,
    pub parameters: RawObject,
    pub tags: Vec<String>,
    pub labels: Labels,
    pub work_queue_name: Option<String>,
    pub work_queue_id: Option<WorkQueueId>,
    /// When somebody last asked for its runs.
    pub last_polled: Option<Time>,
    pub parameter_openapi_schema: Option<RawObject>,
    pub path: Option<String>,
    pub pull_steps: Option<RawJson>,
    pub entrypoint: Option<String>,
    pub storage_document_id: Option<Uuid>,
    pub infrastructure_document_id: Option<Uuid>,
    /// Null, as in the reference, which reads who it was and does not keep it.
    pub created_by: Option<Stored<CreatedBy>>,
    /// Null, as in the reference.
    pub updated_by: Option<Stored<CreatedBy>>,
    pub work_pool_name: Option<String>,
    pub status: DeploymentStatus,
    pub enforce_parameter_schema: bool,
}

/// Whether somebody asks for its runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Output)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeploymentStatus {
    Ready,
    NotReady,
}

impl DeploymentStatus {
    /// One that was never seen is not ready.
    pub fn of_pulse(status: Option<Readiness>) -> Self {
        match status {
            Some(Readiness::Ready) => Self::Ready,
            _ => Self::NotReady,
        }
    }
}

/// What happens to a run that finds its deployment's limit full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Input)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ConcurrencyLimitStrategy {
    Enqueue,
    CancelNew,
}

/// How a deployment's limit is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Input)]
pub struct ConcurrencyOptions {
    /// What happens to a run that finds the limit full.
    pub collision_strategy: ConcurrencyLimitStrategy,
    /// Seconds that infrastructure has to start before the run's slot is taken back; the server's setting where absent.
    #[input(default, with = grace_period)]
    pub grace_period_seconds: Option<i32>,
}

fn grace_period(value: &Json<'_>, errors: &mut Errors) -> Option<Option<i32>> {
    let Some(seconds) = Option::<i32>::parse(value, errors)? else { return Some(None) };
    wire::check::ge(&seconds, 60, value, errors)?;
    wire::check::le(&seconds, 86_400, value, errors)?;
    Some(Some(seconds))
}

/// A limit of at least one run.
fn limit(value: &Json<'_>, errors: &mut Errors) -> Option<Option<i32>> {
    let Some(runs) = Option::<i32>::parse(value, errors)? else { return Some(None) };
    wire::check::gt(&runs, 0, value, errors)?;
    Some(Some(runs))
}

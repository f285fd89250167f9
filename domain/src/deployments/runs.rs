//! Runs made from a deployment, and what is answered about many at once.

use serde::Serialize;
use uuid::Uuid;
use wire::{Errors, Input, Json, Output, RawObject};

use crate::flow_runs::parameters;
use crate::labels::Labels;
use crate::run::FlowRunPolicy;
use crate::slug::name_or_none;
use crate::states::StateCreate;
use crate::{DeploymentId, FlowRunId, TaskRunId};

/// The longest list of runs that one request makes.
pub const MOST_RUNS_AT_ONCE: usize = 100;

/// Data used by the Prefect REST API to create a flow run from a deployment.
#[derive(Debug, Clone, Input)]
#[input(forbid_extra)]
pub struct DeploymentFlowRunCreate {
    /// The state of the flow run to create
    pub state: Option<StateCreate>,
    /// The name of the flow run. Defaults to a random slug if not specified.
    #[input(default, with = name_or_none)]
    pub name: Option<String>,
    #[input(default, with = parameters)]
    pub parameters: RawObject,
    /// Whether or not to enforce the parameter schema on this run.
    pub enforce_parameter_schema: Option<bool>,
    #[input(default)]
    pub context: RawObject,
    pub infrastructure_document_id: Option<Uuid>,
    /// The empirical policy for the flow run.
    #[input(default)]
    pub empirical_policy: FlowRunPolicy,
    /// A list of tags for the flow run.
    #[input(default)]
    pub tags: Vec<String>,
    /// An optional idempotency key. If a flow run with the same idempotency key has already been created, the existing
    /// flow run will be returned.
    pub idempotency_key: Option<String>,
    /// A dictionary of key-value labels. Values can be strings, numbers, or booleans.
    pub labels: Option<Labels>,
    pub parent_task_run_id: Option<TaskRunId>,
    pub work_queue_name: Option<String>,
    #[input(default = Some(RawObject::default()))]
    pub job_variables: Option<RawObject>,
}

/// Which runs to create: a list that is the whole body.
#[derive(Debug, Clone)]
pub struct RunsToCreate(pub Vec<DeploymentFlowRunCreate>);

impl Input for RunsToCreate {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        Vec::parse(value, errors).map(Self)
    }
}

impl wire::Described for RunsToCreate {
    fn schema(schemas: &mut wire::Schemas) -> wire::Schema {
        Vec::<DeploymentFlowRunCreate>::schema(schemas)
    }
}

/// What became of one run of many.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct FlowRunCreateResult {
    pub flow_run_id: Option<FlowRunId>,
    pub status: CreateStatus,
    pub error: Option<String>,
}

/// Whether a run was created, or was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Output)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CreateStatus {
    Created,
    Failed,
}

impl FlowRunCreateResult {
    pub fn created(id: FlowRunId) -> Self {
        Self { flow_run_id: Some(id), status: CreateStatus::Created, error: None }
    }

    pub fn failed(why: impl Into<String>) -> Self {
        Self { flow_run_id: None, status: CreateStatus::Failed, error: Some(why.into()) }
    }
}

/// What became of each run, in the order of the request.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct FlowRunBulkCreateResponse {
    pub results: Vec<FlowRunCreateResult>,
}

/// The ids of the deployments that were deleted.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct DeploymentBulkDeleteResponse {
    pub deleted: Vec<DeploymentId>,
}

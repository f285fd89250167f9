//! What changes a deployment.

use uuid::Uuid;
use wire::{Errors, Input, Json, Patch, RawObject};

use super::ConcurrencyOptions;
use super::create::{VersionInfo, limit, schema};
use crate::LimitId;
use crate::flow_runs::parameters;
use crate::schedules::DeploymentScheduleUpdate;

/// Data used by the Prefect REST API to update a deployment.
#[derive(Debug, Clone, Input)]
#[input(forbid_extra, before = super::prepare::update)]
pub struct DeploymentUpdate {
    pub version: Patch<Option<String>>,
    pub description: Patch<Option<String>>,
    /// Whether or not the deployment is paused.
    pub paused: Patch<bool>,
    /// A list of schedules for the deployment.
    pub schedules: Patch<Vec<DeploymentScheduleUpdate>>,
    /// The deployment's concurrency limit.
    #[input(with = limit)]
    pub concurrency_limit: Patch<Option<i32>>,
    /// The deployment's concurrency options.
    pub concurrency_options: Patch<Option<ConcurrencyOptions>>,
    /// The ID of the global concurrency limit to apply to the deployment.
    pub global_concurrency_limit_id: Patch<Option<LimitId>>,
    /// Parameters for flow runs scheduled by the deployment. Null is a conflict, as in the reference.
    #[input(with = new_parameters)]
    pub parameters: Patch<Option<RawObject>>,
    /// The parameter schema of the flow, including defaults.
    #[input(with = schema)]
    pub parameter_openapi_schema: Patch<Option<RawObject>>,
    /// A list of deployment tags.
    pub tags: Patch<Vec<String>>,
    pub work_queue_name: Patch<Option<String>>,
    /// The name of the deployment's work pool. Null takes the deployment out of its pool.
    pub work_pool_name: Patch<Option<String>>,
    pub path: Patch<Option<String>>,
    /// Overrides for the flow's infrastructure configuration. Null leaves them as they are, as in the reference.
    pub job_variables: Patch<Option<RawObject>>,
    pub pull_steps: Patch<Option<Vec<RawObject>>>,
    pub entrypoint: Patch<Option<String>>,
    pub storage_document_id: Patch<Option<Uuid>>,
    pub infrastructure_document_id: Patch<Option<Uuid>>,
    /// Whether or not the deployment should enforce the parameter schema. Null is a conflict, as in the reference.
    pub enforce_parameter_schema: Patch<Option<bool>>,
    /// A description of this version of the deployment.
    pub version_info: Option<VersionInfo>,
}

fn new_parameters(value: &Json<'_>, errors: &mut Errors) -> Option<Patch<Option<RawObject>>> {
    match value {
        Json::Null => Some(Patch::Set(None)),
        _ => parameters(value, errors).map(|parameters| Patch::Set(Some(parameters))),
    }
}

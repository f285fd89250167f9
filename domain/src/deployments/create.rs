//! What makes a deployment, or makes the one of that name anew.

use uuid::Uuid;
use wire::{Errors, Input, Json, Patch, RawJson, RawObject};

use super::ConcurrencyOptions;
use crate::flow_runs::parameters;
use crate::labels::Labels;
use crate::schedules::DeploymentScheduleCreate;
use crate::{FlowId, LimitId};

/// Data used by the Prefect REST API to create a deployment.
///
/// What is absent has a default in a new deployment, and stays as it is in one that was there.
#[derive(Debug, Clone, Input)]
#[input(forbid_extra, before = super::prepare::create)]
pub struct DeploymentCreate {
    /// The name of the deployment.
    #[input(pattern = "^[^/%&><]*$")]
    pub name: String,
    /// The ID of the flow associated with the deployment.
    pub flow_id: FlowId,
    /// Whether or not the deployment is paused.
    pub paused: Patch<bool>,
    /// A list of schedules for the deployment. Those that it had go.
    #[input(default)]
    pub schedules: Vec<DeploymentScheduleCreate>,
    /// The deployment's concurrency limit.
    #[input(with = limit)]
    pub concurrency_limit: Patch<Option<i32>>,
    /// The deployment's concurrency options.
    pub concurrency_options: Patch<Option<ConcurrencyOptions>>,
    /// The ID of the global concurrency limit to apply to the deployment.
    pub global_concurrency_limit_id: Patch<Option<LimitId>>,
    /// Whether or not the deployment should enforce the parameter schema.
    pub enforce_parameter_schema: Patch<bool>,
    /// The parameter schema of the flow, including defaults.
    #[input(with = schema)]
    pub parameter_openapi_schema: Patch<Option<RawObject>>,
    /// Parameters for flow runs scheduled by the deployment.
    #[input(default, with = parameters)]
    pub parameters: RawObject,
    /// A list of deployment tags.
    pub tags: Patch<Vec<String>>,
    /// A dictionary of key-value labels. Values can be strings, numbers, or booleans.
    pub labels: Option<Labels>,
    pub pull_steps: Patch<Option<Vec<RawObject>>>,
    pub work_queue_name: Patch<Option<String>>,
    /// The name of the deployment's work pool.
    pub work_pool_name: Option<String>,
    pub storage_document_id: Patch<Option<Uuid>>,
    pub infrastructure_document_id: Patch<Option<Uuid>>,
    pub description: Patch<Option<String>>,
    pub path: Patch<Option<String>>,
    pub version: Patch<Option<String>>,
    pub entrypoint: Patch<Option<String>>,
    /// Overrides for the flow's infrastructure configuration.
    pub job_variables: Patch<RawObject>,
    /// A description of this version of the deployment.
    pub version_info: Option<VersionInfo>,
}

/// Describes a version of a deployment. It is read and not kept, as in the reference; what else is in it is ignored.
#[derive(Debug, Clone, Input)]
pub struct VersionInfo {
    /// The type of version info.
    #[input(rename = "type")]
    pub type_: String,
    /// The version of the deployment.
    pub version: String,
}

pub(super) fn limit(value: &Json<'_>, errors: &mut Errors) -> Option<Patch<Option<i32>>> {
    super::limit(value, errors).map(Patch::Set)
}

/// A schema of parameters; the empty one is that of a flow without any.
pub(super) fn schema(value: &Json<'_>, errors: &mut Errors) -> Option<Patch<Option<RawObject>>> {
    let schema = Option::<RawObject>::parse(value, errors)?;
    let empty = matches!(value, Json::Object(fields) if fields.is_empty());
    Some(Patch::Set(if empty { Some(of_no_parameters()) } else { schema }))
}

fn of_no_parameters() -> RawObject {
    RawObject(RawJson::of(&serde_json::json!({ "type": "object", "properties": {} })))
}

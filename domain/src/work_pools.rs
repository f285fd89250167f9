//! Work pools: where runs of deployments wait for workers of one type.

use serde::Serialize;
use serde_json::Value;
use wire::{Errors, Input, Json, Output, Patch, RawJson, RawObject, Time, check};

use crate::flow_runs::{CreatedBy, FlowRun};
use crate::job_variables;
use crate::labels::Labels;
use crate::policies::refuse;
use crate::pulse::Readiness;
use crate::run::FlowRunPolicy;
use crate::state::{State, StateType};
use crate::stored::Stored;
use crate::{BlockDocumentId, DeploymentId, FlowId, FlowRunId, StateId, TaskRunId, WorkPoolId, WorkQueueId};

/// The pool of queues that were made without one.
pub const DEFAULT_AGENT_POOL: &str = "default-agent-pool";
/// The type of pools without workers, whose status nobody tells.
pub const AGENT_TYPE: &str = "prefect-agent";
/// The queue that every pool has.
pub const DEFAULT_QUEUE: &str = "default";
pub const DEFAULT_QUEUE_DESCRIPTION: &str = "The work pool's default queue.";

/// A work pool, known by its name in a workspace.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct WorkPool {
    pub id: WorkPoolId,
    pub created: Time,
    pub updated: Time,
    /// The name of the work pool.
    pub name: String,
    /// A description of the work pool.
    pub description: Option<String>,
    /// The work pool type.
    #[serde(rename = "type")]
    #[input(rename = "type")]
    pub type_: String,
    /// What workers make of a run: a template, and the schema of its variables.
    pub base_job_template: RawObject,
    /// Pausing the work pool stops the delivery of all work.
    pub is_paused: bool,
    /// A concurrency limit for the work pool.
    pub concurrency_limit: Option<i32>,
    /// The current status of the work pool; pools without workers have none.
    pub status: Option<Readiness>,
    /// The id of the pool's default queue.
    pub default_queue_id: Option<WorkQueueId>,
    pub storage_configuration: Stored<StorageConfiguration>,
    /// How many runs are pending or running. Null without a concurrency limit.
    pub active_slots: Option<i64>,
}

/// Where the code and the results of the pool's runs are kept.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Input)]
#[input(forbid_extra)]
pub struct StorageConfiguration {
    /// The step that uploads bundles to storage.
    pub bundle_upload_step: Option<RawObject>,
    /// The step that executes bundles.
    pub bundle_execution_step: Option<RawObject>,
    /// The block document of the default result storage.
    pub default_result_storage_block_id: Option<BlockDocumentId>,
}

/// Data used by the Prefect REST API to create a work pool.
#[derive(Debug, Clone, Input)]
#[input(forbid_extra)]
pub struct WorkPoolCreate {
    /// The name of the work pool.
    #[input(with = name)]
    pub name: String,
    /// The work pool description.
    pub description: Option<String>,
    /// The work pool type.
    #[input(rename = "type", default = AGENT_TYPE.to_owned())]
    pub type_: String,
    /// The work pool's base job template.
    #[input(default, with = template)]
    pub base_job_template: RawObject,
    /// Pausing the work pool stops the delivery of all work.
    #[input(default)]
    pub is_paused: bool,
    /// A concurrency limit for the work pool.
    #[input(with = not_negative)]
    pub concurrency_limit: Option<i32>,
    #[input(default)]
    pub storage_configuration: StorageConfiguration,
}

/// Data used by the Prefect REST API to update a work pool.
#[derive(Debug, Clone, Default, Input)]
#[input(forbid_extra)]
pub struct WorkPoolUpdate {
    pub description: Patch<Option<String>>,
    /// Null is a conflict, as in the reference.
    pub is_paused: Patch<Option<bool>>,
    #[input(with = new_template)]
    pub base_job_template: Patch<RawObject>,
    #[input(with = new_limit)]
    pub concurrency_limit: Patch<Option<i32>>,
    /// Null is a conflict, as in the reference.
    pub storage_configuration: Patch<Option<StorageConfiguration>>,
}

/// What a work pool is to be, whatever it was before; its type stays.
#[derive(Debug, Clone, Input)]
#[input(forbid_extra)]
pub struct WorkPoolReplace {
    /// The work pool description.
    pub description: Option<String>,
    /// The work pool type; a pool that is there has it already.
    #[input(rename = "type", default = AGENT_TYPE.to_owned())]
    pub type_: String,
    /// The work pool's base job template.
    #[input(default, with = template)]
    pub base_job_template: RawObject,
    /// Pausing the work pool stops the delivery of all work.
    #[input(default)]
    pub is_paused: bool,
    /// A concurrency limit for the work pool.
    #[input(with = not_negative)]
    pub concurrency_limit: Option<i32>,
    #[input(default)]
    pub storage_configuration: StorageConfiguration,
}

impl WorkPoolReplace {
    pub fn named(self, name: String) -> WorkPoolCreate {
        let Self { description, type_, base_job_template, is_paused, concurrency_limit, storage_configuration } = self;
        WorkPoolCreate {
            name,
            description,
            type_,
            base_job_template,
            is_paused,
            concurrency_limit,
            storage_configuration,
        }
    }
}

impl WorkPoolCreate {
    /// What a worker makes of a name and its own template; `None` where they are not of a pool.
    pub fn of_worker(pool: &str, type_: &str, template: RawObject) -> Option<Self> {
        let mut errors = Errors::default();
        let name = name(&Json::Str(pool.into()), &mut errors)?;
        job_variables::check_template(&template.0.to_value()).ok()?;
        Some(Self {
            name,
            description: None,
            type_: type_.to_owned(),
            base_job_template: template,
            is_paused: false,
            concurrency_limit: None,
            storage_configuration: StorageConfiguration::default(),
        })
    }
}

impl WorkPoolUpdate {
    /// Whether nothing is changed but what may be changed of a reserved pool.
    pub fn is_of_limit_and_pause(&self) -> bool {
        let Self { description, is_paused: _, base_job_template, concurrency_limit: _, storage_configuration } = self;
        !(description.is_set() || base_job_template.is_set() || storage_configuration.is_set())
    }
}

impl WorkPool {
    /// For clients before 3.3.8, which refuse the field.
    pub fn without_result_storage(mut self) -> Self {
        if let Value::Object(mut fields) = self.storage_configuration.0.to_value() {
            fields.remove("default_result_storage_block_id");
            self.storage_configuration = Stored::new(RawJson::of(&fields));
        }
        self
    }
}

/// Whether a name is kept for pools of the system.
pub fn is_reserved(name: &str) -> bool {
    name.to_lowercase().starts_with("prefect")
}

/// The name of a pool (reference: `NonEmptyishName` of `types/names.py`).
pub fn name(value: &Json<'_>, errors: &mut Errors) -> Option<String> {
    static PATTERN: std::sync::OnceLock<regex::Regex> = std::sync::OnceLock::new();
    let name = String::parse(value, errors)?;
    if name.trim_matches(['\'', ' ', '"']).is_empty() {
        refuse(value, "name cannot be an empty string", errors);
        return None;
    }
    check::pattern(&name, "^[^/%&><]+$", &PATTERN, value, errors)?;
    Some(name)
}

/// A base job template: nothing, or a configuration and a schema that has every variable the configuration names.
fn template(value: &Json<'_>, errors: &mut Errors) -> Option<RawObject> {
    let template = RawObject::parse(value, errors)?;
    if let Err(why) = job_variables::check_template(&template.0.to_value()) {
        refuse(value, &why, errors);
        return None;
    }
    Some(template)
}

/// The reference fails on null with a 500.
fn new_template(value: &Json<'_>, errors: &mut Errors) -> Option<Patch<RawObject>> {
    template(value, errors).map(Patch::Set)
}

pub(crate) fn not_negative(value: &Json<'_>, errors: &mut Errors) -> Option<Option<i32>> {
    bounded(value, errors, |n, errors| check::ge(n, 0, value, errors))
}

pub(crate) fn new_limit(value: &Json<'_>, errors: &mut Errors) -> Option<Patch<Option<i32>>> {
    not_negative(value, errors).map(Patch::Set)
}

/// A number of 32 bits within bounds, or none.
pub(crate) fn bounded(
    value: &Json<'_>,
    errors: &mut Errors,
    within: impl FnOnce(&i32, &mut Errors) -> Option<()>,
) -> Option<Option<i32>> {
    let number = Option::<i32>::parse(value, errors)?;
    if let Some(number) = &number {
        within(number, errors)?;
    }
    Some(number)
}

/// A run that waits in a queue of a pool.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct WorkerFlowRun {
    pub work_pool_id: WorkPoolId,
    pub work_queue_id: WorkQueueId,
    pub flow_run: ScheduledFlowRun,
}

/// A flow run as workers are told of it: they know the pool.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct ScheduledFlowRun {
    pub id: FlowRunId,
    pub created: Time,
    pub updated: Time,
    pub name: String,
    pub flow_id: FlowId,
    pub state_id: Option<StateId>,
    pub deployment_id: Option<DeploymentId>,
    pub deployment_version: Option<String>,
    pub work_queue_name: Option<String>,
    pub flow_version: Option<String>,
    pub parameters: RawObject,
    pub idempotency_key: Option<String>,
    pub context: RawObject,
    pub empirical_policy: Stored<FlowRunPolicy>,
    pub tags: Vec<String>,
    pub labels: Labels,
    pub parent_task_run_id: Option<TaskRunId>,
    pub state_type: Option<StateType>,
    pub state_name: Option<String>,
    pub run_count: i32,
    pub expected_start_time: Option<Time>,
    pub next_scheduled_start_time: Option<Time>,
    pub start_time: Option<Time>,
    pub end_time: Option<Time>,
    pub total_run_time: f64,
    pub estimated_run_time: f64,
    pub estimated_start_time_delta: f64,
    pub auto_scheduled: bool,
    pub infrastructure_document_id: Option<uuid::Uuid>,
    pub infrastructure_pid: Option<String>,
    pub created_by: Option<Stored<CreatedBy>>,
    pub work_queue_id: Option<WorkQueueId>,
    pub state: Option<Stored<State>>,
    pub job_variables: Option<RawObject>,
}

impl From<FlowRun> for ScheduledFlowRun {
    fn from(run: FlowRun) -> Self {
        Self {
            id: run.id,
            created: run.created,
            updated: run.updated,
            name: run.name,
            flow_id: run.flow_id,
            state_id: run.state_id,
            deployment_id: run.deployment_id,
            deployment_version: run.deployment_version,
            work_queue_name: run.work_queue_name,
            flow_version: run.flow_version,
            parameters: run.parameters,
            idempotency_key: run.idempotency_key,
            context: run.context,
            empirical_policy: run.empirical_policy,
            tags: run.tags,
            labels: run.labels,
            parent_task_run_id: run.parent_task_run_id,
            state_type: run.state_type,
            state_name: run.state_name,
            run_count: run.run_count,
            expected_start_time: run.expected_start_time,
            next_scheduled_start_time: run.next_scheduled_start_time,
            start_time: run.start_time,
            end_time: run.end_time,
            total_run_time: run.total_run_time,
            estimated_run_time: run.estimated_run_time,
            estimated_start_time_delta: run.estimated_start_time_delta,
            auto_scheduled: run.auto_scheduled,
            infrastructure_document_id: run.infrastructure_document_id,
            infrastructure_pid: run.infrastructure_pid,
            created_by: run.created_by,
            work_queue_id: run.work_queue_id,
            state: run.state,
            job_variables: run.job_variables,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told<T>(parse: fn(&Json<'_>, &mut Errors) -> Option<T>, text: &str) -> Vec<String> {
        let mut errors = Errors::default();
        let parsed = parse(&wire::json::parse(text.as_bytes()).unwrap(), &mut errors);
        assert_eq!(parsed.is_none(), !errors.is_empty(), "{text}");
        errors.items().iter().map(|item| format!("{}: {}", item.kind, item.msg)).collect()
    }

    #[test]
    fn names_say_something_and_fit_into_a_path() {
        for good in ["\"a\"", "\"my pool\"", "\"'x'\"", "\"ä\""] {
            assert!(told(name, good).is_empty(), "{good}");
        }
        for empty in ["\"\"", "\" \"", "\"''\"", "\"'\\\" \""] {
            assert_eq!(told(name, empty), ["value_error: Value error, name cannot be an empty string"], "{empty}");
        }
        for bad in ["\"a/b\"", "\"a%\"", "\"<a>\"", "5", "null"] {
            assert_eq!(told(name, bad).len(), 1, "{bad}");
        }
    }

    #[test]
    fn reserved_names_are_so_in_any_case() {
        assert!(is_reserved("prefect") && is_reserved("PREFECT-x") && is_reserved("Prefect managed"));
        assert!(!is_reserved("my-prefect") && !is_reserved("pref"));
    }

    #[test]
    fn old_clients_are_not_told_of_result_storage() {
        let parsed = StorageConfiguration::default();
        assert_eq!(
            serde_json::to_string(&parsed).unwrap(),
            r#"{"bundle_upload_step":null,"bundle_execution_step":null,"default_result_storage_block_id":null}"#
        );
    }
}

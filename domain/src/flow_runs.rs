//! Flow runs as they cross the API, and their inputs.

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wire::{Errors, Input, Json, Output, Patch, RawJson, RawObject, Time};

use crate::labels::Labels;
use crate::policies::refuse;
use crate::run::FlowRunPolicy;
use crate::slug::name_or_none;
use crate::state::{State, StateType};
use crate::states::StateCreate;
use crate::stored::Stored;
use crate::{DeploymentId, FlowId, FlowRunId, StateId, TaskRunId, WorkPoolId, WorkQueueId};

/// Bytes that parameters may take, written as JSON in ASCII without blanks.
pub const MOST_PARAMETER_BYTES: usize = 524_288;

/// A run of a flow.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct FlowRun {
    pub id: FlowRunId,
    pub created: Time,
    pub updated: Time,
    pub name: String,
    pub flow_id: FlowId,
    pub state_id: Option<StateId>,
    pub deployment_id: Option<DeploymentId>,
    pub deployment_version: Option<String>,
    pub work_queue_id: Option<WorkQueueId>,
    pub work_queue_name: Option<String>,
    pub flow_version: Option<String>,
    pub parameters: RawObject,
    pub idempotency_key: Option<String>,
    pub context: RawObject,
    pub empirical_policy: Stored<FlowRunPolicy>,
    pub tags: Vec<String>,
    pub labels: Labels,
    /// The task run that stands for this run in the run that called it.
    pub parent_task_run_id: Option<TaskRunId>,
    pub state_type: Option<StateType>,
    pub state_name: Option<String>,
    pub run_count: i32,
    pub expected_start_time: Option<Time>,
    pub next_scheduled_start_time: Option<Time>,
    pub start_time: Option<Time>,
    pub end_time: Option<Time>,
    /// Seconds spent in RUNNING states that have ended.
    pub total_run_time: f64,
    /// The same with the current RUNNING state, until now.
    pub estimated_run_time: f64,
    /// Seconds the run began, or is now, behind the time it was expected.
    pub estimated_start_time_delta: f64,
    pub auto_scheduled: bool,
    pub infrastructure_document_id: Option<Uuid>,
    pub infrastructure_pid: Option<String>,
    pub created_by: Option<Stored<CreatedBy>>,
    pub work_pool_id: Option<WorkPoolId>,
    pub work_pool_name: Option<String>,
    pub state: Option<Stored<State>>,
    pub job_variables: Option<RawObject>,
}

/// Who made an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Output)]
pub struct CreatedBy {
    pub id: Option<Uuid>,
    #[serde(rename = "type")]
    #[input(rename = "type")]
    pub type_: Option<String>,
    pub display_value: Option<String>,
}

/// Data used by the Prefect REST API to create a flow run.
#[derive(Debug, Clone, Input)]
#[input(forbid_extra)]
pub struct FlowRunCreate {
    /// The state of the flow run to create
    pub state: Option<StateCreate>,
    /// The name of the flow run. Defaults to a random slug if not specified.
    #[input(default, with = name_or_none)]
    pub name: Option<String>,
    /// The id of the flow being run.
    pub flow_id: FlowId,
    /// The version of the flow being run.
    pub flow_version: Option<String>,
    #[input(default, with = parameters)]
    pub parameters: RawObject,
    /// The context of the flow run.
    #[input(default)]
    pub context: RawObject,
    pub parent_task_run_id: Option<TaskRunId>,
    pub infrastructure_document_id: Option<Uuid>,
    /// The empirical policy for the flow run.
    #[input(default)]
    pub empirical_policy: FlowRunPolicy,
    /// A list of tags for the flow run.
    #[input(default)]
    pub tags: Vec<String>,
    /// A dictionary of key-value labels. Values can be strings, numbers, or booleans.
    pub labels: Option<Labels>,
    /// An optional idempotency key. If a flow run with the same idempotency key has already been created, the existing
    /// flow run will be returned.
    pub idempotency_key: Option<String>,
    /// The name of the work pool to run the flow run in.
    pub work_pool_name: Option<String>,
    /// The name of the work queue to place the flow run in.
    pub work_queue_name: Option<String>,
    /// The job variables to use when setting up flow run infrastructure.
    pub job_variables: Option<RawObject>,
    /// DEPRECATED: The id of the deployment associated with this flow run, if available.
    pub deployment_id: Option<DeploymentId>,
}

/// A run as a chart of runs shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct SimpleFlowRun {
    pub id: FlowRunId,
    pub state_type: StateType,
    /// When it started, or is expected to while it has not.
    pub timestamp: Time,
    /// Seconds that it ran.
    pub duration: f64,
    /// Seconds between the expected and the actual start.
    pub lateness: f64,
}

/// The next run of a flow.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct SimpleNextFlowRun {
    pub id: FlowRunId,
    pub flow_id: FlowId,
    pub name: String,
    pub state_name: String,
    pub state_type: StateType,
    pub next_scheduled_start_time: Time,
}

/// What a deployment says of its run, beside the fields that the run has of its own.
#[derive(Debug, Clone, Default)]
pub struct OfDeployment {
    pub version: Option<String>,
    pub work_queue_id: Option<WorkQueueId>,
}

/// Data used by the Prefect REST API to update a flow run.
#[derive(Debug, Clone, Input)]
#[input(forbid_extra)]
pub struct FlowRunUpdate {
    #[input(with = new_name)]
    pub name: Patch<Option<String>>,
    pub flow_version: Patch<Option<String>>,
    #[input(with = new_parameters)]
    pub parameters: Patch<RawObject>,
    pub empirical_policy: Patch<FlowRunPolicy>,
    pub tags: Patch<Vec<String>>,
    pub infrastructure_pid: Patch<Option<String>>,
    pub job_variables: Patch<Option<RawObject>>,
}

pub(crate) fn new_name(value: &Json<'_>, errors: &mut Errors) -> Option<Patch<Option<String>>> {
    name_or_none(value, errors).map(Patch::Set)
}

fn new_parameters(value: &Json<'_>, errors: &mut Errors) -> Option<Patch<RawObject>> {
    parameters(value, errors).map(Patch::Set)
}

/// Parameters of a run, no larger than [`MOST_PARAMETER_BYTES`].
pub fn parameters(value: &Json<'_>, errors: &mut Errors) -> Option<RawObject> {
    let parsed = RawObject::parse(value, errors)?;
    let bytes = ascii_length(parsed.0.text());
    if bytes > MOST_PARAMETER_BYTES {
        refuse(value, &too_large(&format!("{} bytes", thousands(bytes))), errors);
        return None;
    }
    Some(parsed)
}

/// Why parameters are refused that are larger only with what they stand for.
pub fn too_large_filled_in() -> String {
    too_large("more, once they are put together and filled in")
}

/// The same as a complaint about the field of a body.
pub fn refused_filled_in(field: &'static str) -> Errors {
    let mut errors = Errors::of_body();
    errors.at(field, |errors| refuse(&Json::Null, &too_large_filled_in(), errors));
    errors
}

fn too_large(got: &str) -> String {
    let most = thousands(MOST_PARAMETER_BYTES);
    format!("Flow run parameters must be less than {most} bytes when serialized (got {got}).")
}

/// The length of JSON text with everything beyond ASCII escaped, as the reference measures it.
pub(crate) fn ascii_length(text: &str) -> usize {
    match text.is_ascii() {
        true => text.len(),
        false => text.chars().map(|c| if c.is_ascii() { 1 } else { 6 * c.len_utf16() }).sum(),
    }
}

/// `524,288`.
fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Something sent to a run while it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct FlowRunInput {
    pub id: Uuid,
    pub created: Time,
    pub updated: Time,
    /// The flow run ID associated with the input.
    pub flow_run_id: FlowRunId,
    /// The key of the input.
    pub key: String,
    /// The value of the input.
    pub value: String,
    /// The sender of the input.
    pub sender: Option<String>,
}

/// A new input.
#[derive(Debug, Clone, Input)]
#[input(parameters)]
pub struct FlowRunInputCreate {
    /// The input key
    #[input(with = input_key)]
    pub key: String,
    /// The value of the input
    #[input(with = bytes)]
    pub value: String,
    /// The sender of the input
    pub sender: Option<String>,
}

/// Which inputs to list.
#[derive(Debug, Clone, Input)]
#[input(parameters)]
pub struct FlowRunInputFilter {
    /// The input key prefix
    pub prefix: String,
    /// The maximum number of results to return
    #[input(default = 1)]
    pub limit: i64,
    /// Exclude inputs with these keys
    #[input(default)]
    pub exclude_keys: Vec<String>,
}

/// Letters, digits and dashes: keys stand in paths. The reference answers 500 to anything else.
fn input_key(value: &Json<'_>, errors: &mut Errors) -> Option<String> {
    let key = String::parse(value, errors)?;
    if key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Some(key);
    }
    refuse(value, "Input keys must hold nothing but lower-case letters, digits and dashes.", errors);
    None
}

/// The reference reads the value as bytes, and complains in those words.
fn bytes(value: &Json<'_>, errors: &mut Errors) -> Option<String> {
    match value {
        Json::Str(_) => String::parse(value, errors),
        _ => {
            errors.push("bytes_type", "Input should be a valid bytes", value);
            None
        }
    }
}

/// Resumes a run that is paused.
#[derive(Debug, Clone, Input)]
#[input(parameters)]
pub struct ResumeFlowRun {
    /// What the run asked for when it paused.
    pub run_input: Option<RawObject>,
}

/// The longest list of flow runs that one request changes.
pub const BULK_LIMIT: i64 = 50;

impl FlowRunCreate {
    /// The key by which a run is found again; an empty one is none.
    pub fn idempotency(&self) -> Option<&str> {
        self.idempotency_key.as_deref().filter(|key| !key.is_empty())
    }
}

impl CreatedBy {
    /// An automation, as the attribution headers name it.
    pub fn automation(id: Uuid, name: String) -> Self {
        Self { id: Some(id), type_: Some("AUTOMATION".into()), display_value: Some(name) }
    }

    pub fn from_stored(json: &RawJson) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        assert_eq!((thousands(1), thousands(1000), thousands(524_288)), ("1".into(), "1,000".into(), "524,288".into()));
    }

    #[test]
    fn parameters_are_measured_in_ascii() {
        assert_eq!((ascii_length("\"a\""), ascii_length("\"é\""), ascii_length("\"😀\"")), (3, 8, 14));
    }

    #[test]
    fn a_body_without_fields_is_a_run_of_defaults() {
        let text = r#"{"flow_id":"00000000-0000-0000-0000-000000000001","name":"","empirical_policy":{"retries":2}}"#;
        let body = wire::json::parse(text.as_bytes()).expect("JSON");
        let mut errors = Errors::of_body();
        let run = FlowRunCreate::parse(&body, &mut errors);
        let run = run.unwrap_or_else(|| panic!("{:?}", errors.items()));
        assert_eq!((run.name.as_deref(), run.empirical_policy.retries, run.idempotency()), (None, Some(2), None));
    }
}

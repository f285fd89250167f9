//! States as they cross the API: what a client proposes and what it is answered.

use serde::Serialize;
use wire::{Described, Input, Output, RawJson, Schema, Schemas};

use crate::rules::decision::{OrchestrationResult, Verdict};
use crate::state::{State, StateDetails, StateType};
use crate::{FlowRunId, StateId};
use wire::Time;

/// Data used by the Prefect REST API to create a new state.
#[derive(Debug, Clone, Input)]
#[input(forbid_extra)]
pub struct StateCreate {
    /// The type of the state to create
    #[input(rename = "type")]
    pub type_: StateType,
    /// The name of the state to create
    pub name: Option<String>,
    /// The message of the state to create
    pub message: Option<String>,
    /// The data of the state to create
    pub data: Option<RawJson>,
    /// The details of the state to create
    #[input(default)]
    pub state_details: StateDetails,
}

impl StateCreate {
    /// The state that is proposed with this.
    pub fn into_state(self, id: StateId, now: Time) -> State {
        let Self { type_, name, message, data, state_details } = self;
        State::proposed(id, now, type_, name, message, data, state_details)
    }
}

/// A run's new state.
#[derive(Debug, Clone, Input)]
#[input(parameters)]
pub struct SetState {
    /// The intended state.
    pub state: StateCreate,
    /// If false, orchestration rules will be applied that may alter or prevent the state transition. If True,
    /// orchestration rules are not applied.
    #[input(default, with = absent_or)]
    pub force: bool,
}

/// A parameter of an operation: null is absent.
pub fn absent_or<T: Input + Default>(value: &wire::Json<'_>, errors: &mut wire::Errors) -> Option<T> {
    Option::<T>::parse(value, errors).map(Option::unwrap_or_default)
}

impl Described for OrchestrationResult {
    fn schema(schemas: &mut Schemas) -> Schema {
        schemas.named("OrchestrationResult", |schemas| {
            let details = details(schemas);
            serde_json::json!({
                "type": "object",
                "title": "OrchestrationResult",
                "required": ["state", "status", "details"],
                "properties": {
                    "state": Option::<State>::schema(schemas),
                    "status": { "type": "string", "enum": ["ACCEPT", "REJECT", "ABORT", "WAIT"] },
                    "details": details,
                },
            })
        })
    }
}

/// What a verdict tells beside itself.
fn details(schemas: &mut Schemas) -> Schema {
    use serde_json::json;
    let reason = json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] });
    let seconds = json!({ "type": "integer" });
    let mut of = |name: &'static str, word: &str, more: &[(&str, &Schema)]| {
        schemas.named(name, |_| {
            let mut properties = json!({ "type": { "type": "string", "const": word } });
            more.iter().for_each(|(field, schema)| properties[*field] = (*schema).clone());
            let required: Vec<&str> = ["type"].into_iter().chain(more.iter().map(|(field, _)| *field)).collect();
            json!({ "type": "object", "title": name, "properties": properties, "required": required })
        })
    };
    let members = [
        of("StateAcceptDetails", "accept_details", &[]),
        of("StateWaitDetails", "wait_details", &[("delay_seconds", &seconds), ("reason", &reason)]),
        of("StateRejectDetails", "reject_details", &[("reason", &reason)]),
        of("StateAbortDetails", "abort_details", &[("reason", &reason)]),
    ];
    json!({ "anyOf": members })
}

/// What became of one flow run of a bulk change.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowRunOrchestrationResult {
    pub flow_run_id: FlowRunId,
    pub result: OrchestrationResult,
}

impl Serialize for FlowRunOrchestrationResult {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Flat<'a> {
            flow_run_id: FlowRunId,
            status: &'static str,
            state: &'a Option<State>,
            details: &'a Verdict,
        }
        let OrchestrationResult { state, verdict } = &self.result;
        Flat { flow_run_id: self.flow_run_id, status: verdict.status(), state, details: verdict }.serialize(s)
    }
}

impl Described for FlowRunOrchestrationResult {
    fn schema(schemas: &mut Schemas) -> Schema {
        schemas.named("FlowRunOrchestrationResult", |schemas| {
            let result = OrchestrationResult::schema(schemas);
            let mut whole = schemas.resolve(&result);
            whole["title"] = "FlowRunOrchestrationResult".into();
            whole["properties"]["flow_run_id"] = FlowRunId::schema(schemas);
            whole["required"] = serde_json::json!(["flow_run_id", "state", "status", "details"]);
            whole
        })
    }
}

/// Results of a bulk change of state.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct FlowRunBulkSetStateResponse {
    pub results: Vec<FlowRunOrchestrationResult>,
}

/// The flow runs that were deleted.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct FlowRunBulkDeleteResponse {
    pub deleted: Vec<FlowRunId>,
}

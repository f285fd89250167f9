//! What a workspace has beside flows and runs, made through the API of either server, with what the SDK and the command
//! line send.

use ::tests::Api;
use serde_json::{Value, json};

use crate::Result;
use crate::bodies::{now_micros, rfc3339};
use crate::place::{id, send};

pub const HOUR: i64 = 3_600_000_000;

/// So many microseconds from now, as clients write a time.
pub fn from_now(micros: i64) -> String {
    rfc3339(now_micros() + micros)
}

/// A pool whose jobs have a template about as large as that of a process.
pub fn pool(api: &Api, name: &str) -> Result<()> {
    let text = |title: &str| json!({"title": title, "type": "string"});
    let template = json!({
        "job_configuration": {
            "command": "{{ command }}", "env": "{{ env }}", "labels": "{{ labels }}", "name": "{{ name }}",
            "stream_output": "{{ stream_output }}", "working_dir": "{{ working_dir }}",
        },
        "variables": {"type": "object", "properties": {
            "command": text("Command"),
            "name": text("Name"),
            "working_dir": text("Working directory"),
            "env": {"title": "Environment", "type": "object", "additionalProperties": {"type": "string"}},
            "labels": {"title": "Labels", "type": "object", "additionalProperties": {"type": "string"}},
            "stream_output": {"title": "Stream output", "type": "boolean", "default": true},
        }},
    });
    let pool = json!({"name": name, "type": "process", "base_job_template": template});
    send(api, "/work_pools/", &pool.to_string()).map(drop)
}

/// A deployment of a flow in a pool, with a checked parameter. `more` is laid over it.
pub fn deployment(api: &Api, flow: &str, pool: Option<&str>, name: &str, more: Value) -> Result<String> {
    let mut body = json!({
        "name": name, "flow_id": flow, "work_pool_name": pool, "entrypoint": "flow.py:bench", "path": ".",
        "parameters": {"n": 10}, "tags": ["bench"], "enforce_parameter_schema": true,
        "parameter_openapi_schema": {"title": "Parameters", "type": "object", "required": ["n"],
            "properties": {"n": {"title": "n", "type": "integer", "position": 0}}},
        "pull_steps": [{"prefect.deployments.steps.set_working_directory": {"directory": "/opt/flows"}}],
    });
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    id(&send(api, "/deployments/", &body.to_string())?)
}

/// What the SDK sends to have a deployment run at a time.
pub fn run_of_deployment(at: &str) -> String {
    format!(
        r#"{{"state":{{"type":"SCHEDULED","name":"Scheduled","message":null,"state_details":{{"scheduled_time":"{at}"}},"data":null}},"parameters":{{"n":11}},"context":{{}},"tags":[],"name":null,"idempotency_key":null,"parent_task_run_id":null,"job_variables":null,"labels":{{}}}}"#
    )
}

/// A block that holds one secret, of the type that every workspace has for it: its id.
pub fn secret(api: &Api, name: &str) -> Result<String> {
    let of_type = api.get("/block_types/slug/secret").expect(200);
    let sum = "sha256:c078ed9c1e813e224c0b353d7ad4564a11d51d3198d9ac0686478165a1911c78";
    let schema = api.get(&format!("/block_schemas/checksum/{sum}?version=3.9.1")).expect(200);
    let block = json!({"name": name, "data": {"value": "a secret of usual length"},
        "block_type_id": of_type["id"], "block_schema_id": schema["id"]});
    id(&send(api, "/block_documents/", &block.to_string())?)
}

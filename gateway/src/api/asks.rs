//! What operations on runs read from a request beside path and body: who asks, as far as the rules care.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::access::ScopeName;
use domain::deployments::parameters::ask_for_variables;
use domain::flow_runs::CreatedBy;
use domain::rules::caller::{ApiVersion, Caller, ClientVersion};
use domain::rules::decision::OrchestrationResult;
use http::StatusCode;
use serde_json::json;
use tenant_store::orchestration::{Asks, Outcome};
use uuid::Uuid;
use wire::RawObject;

use crate::kit::{Call, Created, Failure, Reply};

/// Parameters and inputs that name variables are filled in with their values, which a run shows, or a refusal where they do
/// not fit.
pub fn sees_variables(cx: &Call, parameters: &RawObject) -> Reply<()> {
    match ask_for_variables(parameters) {
        true => cx.needs_too(ScopeName::SeeVariables, "for the variables that the parameters name"),
        false => Ok(()),
    }
}

/// The caller's versions, and the settings of the rules.
pub fn asks(cx: &Call) -> Asks {
    let caller = Caller {
        api_version: cx.header("x-prefect-api-version").and_then(ApiVersion::parse),
        client: cx.header("user-agent").and_then(ClientVersion::of_user_agent),
    };
    Asks { caller, settings: cx.app.rules() }
}

/// The automation that the attribution headers name, where its name can be read.
pub fn created_by(cx: &Call) -> Reply<Option<CreatedBy>> {
    let Some(id) = cx.header("prefect-automation-id") else { return Ok(None) };
    let id = Uuid::parse_str(id).map_err(|why| bad_header("prefect-automation-id", id, &why.to_string(), cx))?;
    let name = cx.header("prefect-automation-name").and_then(|name| BASE64_STANDARD.decode(name).ok());
    let name =
        name.and_then(|name| String::from_utf8(name).ok()).filter(|name| !name.is_empty() && !name.contains('\0'));
    Ok(name.map(|name| CreatedBy::automation(id, name)))
}

fn bad_header(name: &str, value: &str, why: &str, cx: &Call) -> Failure {
    let body: serde_json::Value = serde_json::from_slice(&cx.body).unwrap_or_default();
    let item = json!({
        "type": "uuid_parsing", "loc": ["header", name], "msg": format!("Input should be a valid UUID, {why}"),
        "input": value, "ctx": { "error": why },
    });
    let invalid =
        json!({ "exception_message": "Invalid request received.", "exception_detail": [item], "request_body": body });
    Failure::json(StatusCode::UNPROCESSABLE_ENTITY, invalid)
}

/// The answer to a change of state: 201 where a state was written, 200 where none was.
pub fn answer(outcome: Option<Outcome>, not_found: impl FnOnce() -> Failure) -> Reply<Created<OrchestrationResult>> {
    let Outcome { result, written, .. } = outcome.ok_or_else(not_found)?;
    Ok(Created::if_fresh(result, written))
}

/// No such object, in the words of the reference's models (its routes say `detail`).
pub fn exception_not_found(message: String) -> Failure {
    Failure::json(StatusCode::NOT_FOUND, json!({ "exception_message": message }))
}

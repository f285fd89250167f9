//! State changes as data, `transitions.json`: a run that begins in a state, and states proposed to it in order.
//!
//! ```json
//! {"name": "RUNNING to FAILED with retries", "kind": "flow", "run": {"empirical_policy": {"retries": 1}},
//!  "initial": {"type": "RUNNING"}, "propose": [{"state": {"type": "FAILED"}}]}
//! ```
//! `tag_limits` are made first, and so is a deployment of the run with the fields of `deployment`, of whose limit `hold`
//! slots are taken; how many are in use is read after each proposal. `run` adds to the body that creates the run. A task run belongs to a flow run in the state `flow_run`, or to none
//! when that is null, or to one that is running when it is absent. After each proposal the run is read, and its
//! states at the end: answers and what was stored must be equal.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::cases::{File, Scenario, Step};

const BASE: &str = "what the transitions need";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Transition {
    name: String,
    kind: Kind,
    #[serde(default)]
    tag_limits: BTreeMap<String, i64>,
    deployment: Option<Map<String, Value>>,
    #[serde(default)]
    hold: i64,
    #[serde(default)]
    run: Map<String, Value>,
    initial: Option<Value>,
    #[serde(default = "running")]
    flow_run: Option<Value>,
    propose: Vec<Proposal>,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Flow,
    Task,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Proposal {
    state: Value,
    #[serde(default)]
    force: bool,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// Absent is not null: the task run belongs to the flow run that all transitions share.
fn running() -> Option<Value> {
    Some(Value::Null)
}

/// The transitions as one more case file, a scenario each; none when there is no file.
pub fn load(path: &Path) -> Result<Option<File>, String> {
    if !path.exists() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let all: Vec<Transition> = serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut scenarios = vec![scenario(BASE, None, base())?];
    for transition in &all {
        scenarios.push(scenario(&transition.name, Some(BASE), steps(transition))?);
    }
    Ok(Some(File { name: "transitions".to_owned(), scenarios }))
}

fn scenario(name: &str, uses: Option<&str>, steps: Vec<Value>) -> Result<Scenario, String> {
    let text = Value::Array(steps.clone()).to_string();
    let steps: Vec<Step> =
        steps.into_iter().map(serde_json::from_value).collect::<Result<_, _>>().map_err(|e| format!("{name}: {e}"))?;
    Ok(Scenario { name: name.to_owned(), fresh: false, uses: uses.map(str::to_owned), steps, text })
}

fn base() -> Vec<Value> {
    let body = json!({"flow_id": "{{flow}}", "name": "encloses", "state": {"type": "RUNNING"}});
    vec![
        json!({"name": "flow", "method": "POST", "path": "/flows/", "body": {"name": "of transitions"}, "save": {"flow": "/id"}}),
        json!({"name": "running flow run", "method": "POST", "path": "/flow_runs/", "body": body, "save": {"enclosing": "/id"}}),
    ]
}

fn steps(transition: &Transition) -> Vec<Value> {
    let mut steps = Vec::new();
    let (runs, states) = match transition.kind {
        Kind::Flow => ("flow_runs", "flow_run_states/?flow_run_id="),
        Kind::Task => ("task_runs", "task_run_states/?task_run_id="),
    };
    let mut body = Map::new();
    body.insert("name".to_owned(), json!("in transition"));
    let mut looks = limits(transition, &mut steps);
    if transition.deployment.is_some() {
        body.insert("deployment_id".to_owned(), json!("{{deployment}}"));
    }
    match transition.kind {
        Kind::Flow => {
            body.insert("flow_id".to_owned(), json!("{{flow}}"));
        }
        Kind::Task => {
            // The name of a transition is unique, and so are the keys of its task run.
            body.insert("task_key".to_owned(), json!(transition.name));
            body.insert("dynamic_key".to_owned(), json!("0"));
            match &transition.flow_run {
                None => {}
                Some(Value::Null) => {
                    body.insert("flow_run_id".to_owned(), json!("{{enclosing}}"));
                }
                Some(state) => {
                    let body_of_flow_run = json!({"flow_id": "{{flow}}", "name": "encloses it", "state": state});
                    steps.push(json!({"name": "enclosing run", "method": "POST", "path": "/flow_runs/",
                        "body": body_of_flow_run, "save": {"own": "/id"}}));
                    body.insert("flow_run_id".to_owned(), json!("{{own}}"));
                }
            }
        }
    }
    if let Some(initial) = &transition.initial {
        body.insert("state".to_owned(), initial.clone());
    }
    body.extend(transition.run.clone());
    steps.push(
        json!({"name": "create", "method": "POST", "path": format!("/{runs}/"), "body": body, "save": {"run": "/id"}}),
    );
    for (index, proposal) in transition.propose.iter().enumerate() {
        let mut body = json!({"state": proposal.state});
        if proposal.force {
            body["force"] = json!(true);
        }
        // How long to wait for a moment far away depends on when it is asked.
        steps.push(json!({"name": format!("proposal {}", index + 1), "method": "POST",
            "path": format!("/{runs}/{{{{run}}}}/set_state"), "body": body, "headers": proposal.headers,
            "seconds": ["/details/delay_seconds"]}));
        steps.push(json!({"name": format!("run after {}", index + 1), "method": "GET", "path": format!("/{runs}/{{{{run}}}}")}));
        for (nth, look) in looks.iter_mut().enumerate() {
            look["name"] = json!(format!("limit {} after {}", nth + 1, index + 1));
            steps.push(look.clone());
        }
    }
    steps.push(json!({"name": "states", "method": "GET", "path": format!("/{states}{{{{run}}}}")}));
    steps
}

/// Makes the limits that the run meets; the steps that look at them.
fn limits(transition: &Transition, steps: &mut Vec<Value>) -> Vec<Value> {
    let mut looks = Vec::new();
    let look = |name: &str| json!({"method": "GET", "path": format!("/v2/concurrency_limits/{name}")});
    for (tag, limit) in &transition.tag_limits {
        steps.push(json!({"name": format!("limit of {tag}"), "method": "POST", "path": "/concurrency_limits/",
            "body": {"tag": tag, "concurrency_limit": limit}}));
        looks.push(look(&format!("tag:{tag}")));
    }
    let Some(fields) = &transition.deployment else { return looks };
    let mut body = Map::new();
    body.insert("name".to_owned(), json!(transition.name));
    body.insert("flow_id".to_owned(), json!("{{flow}}"));
    body.extend(fields.clone());
    steps.push(json!({"name": "deployment", "method": "POST", "path": "/deployments/", "body": body,
        "save": {"deployment": "/id"}, "status_only": true}));
    if transition.hold > 0 {
        steps.push(json!({"name": "slots are taken", "method": "POST", "path": "/v2/concurrency_limits/increment",
            "body": {"slots": transition.hold, "names": ["deployment:{{deployment}}"]}}));
    }
    looks.push(look("deployment:{{deployment}}"));
    looks
}

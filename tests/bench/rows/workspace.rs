//! What a workspace does all day beside running flows: runs of deployments, heartbeats of workers, blocks, artifacts, and
//! what the web UI's dashboard asks. The same requests to both servers.

use serde_json::{Value, json};

use super::{again, get, post};
use crate::Result;
use crate::furniture::{self, HOUR, from_now};
use crate::load::Requests;
use crate::place::Place;
use crate::scene::Scene;
use crate::table::{Floor, Row};

/// Requests of one connection, by its number.
type Source = Box<dyn Fn(usize) -> Requests>;

struct Work {
    /// Of the row, and among the steps.
    name: &'static str,
    what: &'static str,
    /// Makes what the requests are about.
    ready: fn(&Place) -> Result<Source>,
}

static WORK: &[Work] = &[
    Work { name: "deployment_run", what: "create a run of a deployment", ready: deployment_run },
    Work { name: "heartbeat", what: "a worker's heartbeat", ready: heartbeat },
    Work { name: "block", what: "a block with its secret, by type and name", ready: block_by_name },
    Work { name: "block", what: "a block with its secret, by id", ready: block_by_id },
    Work { name: "artifact", what: "another version of an artifact", ready: artifact },
    Work { name: "dashboard", what: "the dashboard's calls", ready: dashboard },
];

pub async fn measure(scene: &mut Scene, name: &str) -> Result<Vec<Row>> {
    let runs = scene.scale.runs;
    for place in scene.places() {
        place.fill(runs);
    }
    let mut rows = Vec::new();
    for work in WORK.iter().filter(|work| work.name == name) {
        let mut row =
            Row { what: work.what.to_owned(), unit: "/s", floors: vec![Floor::Times(40.0)], ..Row::default() };
        let ours = scene.program_place().map(work.ready).transpose()?;
        let theirs = scene.reference_place().map(work.ready).transpose()?;
        for _ in 0..scene.scale.rounds {
            if let (Some(place), Some(source)) = (scene.program_place(), &ours) {
                row.program.add(scene.program_step(work.name, &place.target, source).await?);
            }
            if let (Some(place), Some(source)) = (scene.reference_place(), &theirs) {
                row.reference.add(scene.reference_step(&place.target, source).await?);
            }
        }
        rows.push(row);
    }
    Ok(rows)
}

/// The same request on every connection.
fn same(request: Vec<u8>) -> Source {
    Box::new(move |_| again(request.clone()))
}

fn deployment_run(place: &Place) -> Result<Source> {
    furniture::pool(&place.api, "runs")?;
    let deployment = furniture::deployment(&place.api, &place.flow, Some("runs"), "made by hand", json!({}))?;
    // Not due: nobody marks it late while others are made.
    let body = furniture::run_of_deployment(&from_now(2 * HOUR));
    Ok(same(post(&place.target, &format!("/deployments/{deployment}/create_flow_run"), &body)))
}

/// Each connection is a worker.
fn heartbeat(place: &Place) -> Result<Source> {
    furniture::pool(&place.api, "beats")?;
    let target = place.target.clone();
    Ok(Box::new(move |at| {
        let body = json!({"name": format!("worker-{at}"), "heartbeat_interval_seconds": 30}).to_string();
        again(post(&target, "/work_pools/beats/workers/heartbeat", &body))
    }))
}

fn block_by_name(place: &Place) -> Result<Source> {
    furniture::secret(&place.api, "by-name")?;
    let path = "/block_types/slug/secret/block_documents/name/by-name?include_secrets=true";
    Ok(same(get(&place.target, path)))
}

fn block_by_id(place: &Place) -> Result<Source> {
    let block = furniture::secret(&place.api, "by-id")?;
    Ok(same(get(&place.target, &format!("/block_documents/{block}?include_secrets=true"))))
}

/// Each connection has a key of its own, as each flow has.
fn artifact(place: &Place) -> Result<Source> {
    let (target, run) = (place.target.clone(), place.template().to_owned());
    Ok(Box::new(move |at| {
        let body = json!({"key": format!("report-{at}"), "type": "markdown", "description": "how it went",
            "data": "# A report\n\nAll of it went well.", "flow_run_id": run});
        again(post(&target, "/artifacts/", &body.to_string()))
    }))
}

/// One call after the other, each connection from another on.
fn dashboard(place: &Place) -> Result<Source> {
    furniture::pool(&place.api, "shown")?;
    furniture::deployment(&place.api, &place.flow, Some("shown"), "shown", json!({}))?;
    let requests: Vec<Vec<u8>> =
        dashboard_calls("shown").iter().map(|(path, body)| post(&place.target, path, &body.to_string())).collect();
    Ok(Box::new(move |at| {
        let mut next = requests.clone().into_iter().cycle().skip(at);
        Box::new(move |out| {
            out.extend(next.next().unwrap_or_default());
            true
        })
    }))
}

/// What the UI's dashboard asks about a day of a workspace with one pool, by paths and bodies, in the numbers in which it asks.
pub fn dashboard_calls(pool: &str) -> Vec<(String, Value)> {
    let (day_ago, now) = (from_now(-24 * HOUR), from_now(0));
    let window = json!({"after_": day_ago, "before_": now});
    let runs = |more: Value| {
        let mut filter = json!({"expected_start_time": window});
        if let (Some(filter), Value::Object(more)) = (filter.as_object_mut(), more) {
            filter.extend(more);
        }
        json!({"flow_runs": filter})
    };
    let in_states = |types: &[&str]| json!({"state": {"type": {"any_": types}}});
    let mut calls = Vec::new();
    let mut call = |path: &str, body: Value| calls.push((path.to_owned(), body));
    for types in [
        &["FAILED", "CRASHED"][..],
        &["RUNNING", "PENDING", "CANCELLING"],
        &["COMPLETED"],
        &["SCHEDULED"],
        &["CANCELLED"],
    ] {
        call("/flow_runs/count", runs(in_states(types)));
        call("/flow_runs/count", runs(in_states(types)));
        let mut latest = runs(in_states(types));
        latest["sort"] = json!("START_TIME_DESC");
        latest["limit"] = json!(3);
        call("/flow_runs/filter", latest);
    }
    call("/flow_runs/count", runs(json!({})));
    let mut page = runs(json!({}));
    page["sort"] = json!("EXPECTED_START_TIME_DESC");
    call("/flow_runs/paginate", page);
    let tasks = |more: Value| json!({"task_runs": {"start_time": window, "state": more}});
    for types in [&["COMPLETED"][..], &["FAILED", "CRASHED"], &["RUNNING"], &["COMPLETED", "FAILED", "CRASHED"]] {
        call("/task_runs/count", tasks(json!({"type": {"any_": types}})));
    }
    call("/task_runs/history", json!({"history_start": day_ago, "history_end": now, "history_interval_seconds": 4320}));
    call("/ui/flow_runs/history", runs(json!({})));
    call("/ui/task_runs/dashboard/counts", json!({"task_runs": {"start_time": window}}));
    call("/flow_runs/lateness", json!({"work_pools": {"name": {"any_": [pool]}}}));
    call("/work_pools/filter", json!({}));
    call("/work_pools/filter", json!({"limit": 200}));
    call(&format!("/work_pools/{pool}/workers/filter"), json!({}));
    call(&format!("/work_pools/{pool}/queues/filter"), json!({}));
    call("/flows/filter", json!({"limit": 200}));
    call("/deployments/filter", json!({"limit": 200}));
    calls
}

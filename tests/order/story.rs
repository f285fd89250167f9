//! What the task runs of a flow run tell of themselves, made up from a seed: runs that go well, fail, crash, retry, or have
//! not ended yet; events that leave out columns, and events of the same moment.

use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Stands in the events for the flow run, which has another id in each workspace.
pub const FLOW_RUN: &str = "FLOW-RUN";
/// All events are of this day.
const DAY: &str = "2024-03-01";
const RUNS: u64 = 5;

const PENDING: (&str, &str) = ("PENDING", "Pending");
const RUNNING: (&str, &str) = ("RUNNING", "Running");
const AWAITING_RETRY: (&str, &str) = ("SCHEDULED", "AwaitingRetry");
const RETRYING: (&str, &str) = ("RUNNING", "Retrying");
const COMPLETED: (&str, &str) = ("COMPLETED", "Completed");
const FAILED: (&str, &str) = ("FAILED", "Failed");

/// What may become of a task, state by state.
const LIVES: &[&[(&str, &str)]] = &[
    &[PENDING, RUNNING, COMPLETED],
    &[PENDING, RUNNING, FAILED],
    &[PENDING, RUNNING, ("CRASHED", "Crashed")],
    &[PENDING, RUNNING],
    &[PENDING, ("COMPLETED", "Cached")],
    &[PENDING, RUNNING, AWAITING_RETRY, RETRYING, COMPLETED],
    &[PENDING, RUNNING, AWAITING_RETRY, RETRYING, FAILED],
    &[PENDING, RUNNING, AWAITING_RETRY, RETRYING, AWAITING_RETRY, RETRYING, FAILED],
];

pub struct Story {
    pub runs: Vec<Uuid>,
    /// As they happened.
    events: Vec<Value>,
}

impl Story {
    /// Ids are the seed's, so the same events can be told in two workspaces.
    pub fn of(seed: u64, random: &mut StdRng) -> Story {
        let mut story = Story { runs: Vec::new(), events: Vec::new() };
        for nth in 0..RUNS {
            let run = Uuid::from_u64_pair(seed, (1 << 32) + nth);
            let life = LIVES[random.random_range(0..LIVES.len())];
            story.live(seed, run, life, random);
            story.runs.push(run);
        }
        story
    }

    /// As the events are told of this flow run.
    pub fn told_of(&self, flow_run: &str) -> Vec<String> {
        self.events.iter().map(|event| event.to_string().replace(FLOW_RUN, flow_run)).collect()
    }

    fn live(&mut self, seed: u64, run: Uuid, life: &[(&str, &str)], random: &mut StdRng) {
        let (mut at, mut run_count, mut start, mut follows) = (0, 0, None, None);
        for (kind, name) in life {
            // Two states of one moment are told apart by their ids.
            at += [0, 1, 1_000_000][random.random_range(0..3)];
            let moment = moment(at);
            if *kind == "RUNNING" {
                run_count += 1;
                start.get_or_insert_with(|| moment.clone());
            }
            let mut columns = json!({
                "name": format!("{name}-{at}"), "run_count": run_count, "flow_run_run_count": 1, "tags": [name, "all"],
                "labels": {"at": at}, "task_inputs": {"x": [{"input_type": "parameter", "name": name}]},
                "empirical_policy": {"retries": 2, "retry_delay": [at, 2]}, "cache_key": format!("key-{at}"),
                "cache_expiration": moment, "task_version": name, "expected_start_time": moment,
                "next_scheduled_start_time": (*kind == "SCHEDULED").then_some(&moment), "start_time": start,
                "end_time": moment, "total_run_time": f64::from(at) / 4.0,
            });
            leave_out(columns.as_object_mut().expect("an object"), random);
            let id = Uuid::from_u64_pair(seed, self.events.len() as u64);
            self.events.push(event(id, follows, run, &moment, (kind, name), &columns));
            follows = Some(id);
        }
    }
}

/// A client sends what it has set: some columns never, some in one event alone, some as null.
fn leave_out(columns: &mut Map<String, Value>, random: &mut StdRng) {
    columns.retain(|_, _| random.random_bool(0.7));
    for (name, value) in columns {
        if (name.ends_with("_time") || name.starts_with("cache")) && name != "total_run_time" && random.random_bool(0.1)
        {
            *value = Value::Null;
        }
    }
}

fn event(id: Uuid, follows: Option<Uuid>, run: Uuid, at: &str, (kind, name): (&&str, &&str), columns: &Value) -> Value {
    let mut task_run = json!({"task_key": "work", "dynamic_key": run.to_string()});
    let fields = columns.as_object().expect("an object").clone();
    task_run.as_object_mut().expect("an object").extend(fields);
    json!({
        "occurred": at, "event": format!("prefect.task-run.{name}"), "id": id, "follows": follows,
        "resource": {
            "prefect.resource.id": format!("prefect.task-run.{run}"), "prefect.resource.name": "work",
            "prefect.state-type": kind, "prefect.state-name": name, "prefect.state-timestamp": at,
            "prefect.orchestration": "client",
        },
        "related": [{"prefect.resource.id": format!("prefect.flow-run.{FLOW_RUN}"), "prefect.resource.role": "flow-run"}],
        "payload": {
            "intended": {"from": null, "to": kind}, "initial_state": null,
            "validated_state": {"type": kind, "name": name, "message": at, "state_details": {}, "data": null},
            "task_run": task_run,
        },
    })
}

/// Microseconds after midnight, less than a minute.
fn moment(micros: u32) -> String {
    format!("{DAY}T00:00:{:02}.{:06}Z", micros / 1_000_000, micros % 1_000_000)
}

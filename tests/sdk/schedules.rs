//! Schedules through the SDK and `prefect deployment schedule …`, and a served flow whose schedule runs it.

use serde_json::json;
use tests::{Client, Tenant};

const DEPLOY: &str = r#"
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule
import datetime

@flow(name="timely")
def timely(): pass

with get_client(sync_client=True) as client:
    flow_id = client.create_flow(timely)
    deployment = client.create_deployment(flow_id=flow_id, name="d", schedules=[
        {"schedule": CronSchedule(cron="0 9 * * 1-5", timezone="Europe/Berlin"), "slug": "weekdays"},
    ])
    made = client.create_deployment_schedules(deployment, [
        (IntervalSchedule(interval=datetime.timedelta(hours=2)), False),
        (RRuleSchedule(rrule="FREQ=DAILY"), True),
    ])
    assert [s.active for s in made] == [False, True]
    read = client.read_deployment_schedules(deployment)
    assert len(read) == 3 and {type(s.schedule).__name__ for s in read} == {"CronSchedule", "IntervalSchedule", "RRuleSchedule"}
    client.update_deployment_schedule(deployment, made[0].id, active=True)
    assert all(s.active for s in client.read_deployment_schedules(deployment))
    assert client.delete_deployment_schedule(deployment, made[1].id) is None
    assert len(client.read_deployment(deployment).schedules) == 2
"#;

#[test]
fn schedules_are_made_changed_and_deleted() {
    Client::of(&Tenant::fresh()).python(DEPLOY).expect_success();
}

#[test]
fn schedule_commands() {
    let tenant = Tenant::fresh();
    let (client, api) = (Client::of(&tenant), tenant.api());
    let terminal = client.terminal();
    let flow = api.post("/flows/", &json!({ "name": "f" })).expect(201);
    let made = api.post("/deployments/", &json!({ "name": "d", "flow_id": flow["id"] })).expect(201);
    let schedules = || {
        let path = format!("/deployments/{}/schedules", made["id"].as_str().expect("an id"));
        api.get(&path).expect(200).as_array().expect("a list").clone()
    };
    terminal.done(&["deployment", "schedule", "create", "f/d", "--cron", "0 0 * * *"]);
    terminal.done(&["deployment", "schedule", "create", "f/d", "--interval", "3600"]);
    terminal.done(&["deployment", "schedule", "create", "f/d", "--rrule", "FREQ=DAILY"]);
    assert_eq!(schedules().len(), 3);
    terminal.refused(&["deployment", "schedule", "create", "f/none", "--interval", "60"], "not found");
    assert_eq!(terminal.json(&["deployment", "schedule", "ls", "f/d"]).as_array().map(Vec::len), Some(3));
    assert!(terminal.done(&["deployment", "schedule", "ls", "f/d"]).contains("cron: 0 0 * * *"));
    let id = schedules()[0]["id"].as_str().expect("an id").to_owned();
    terminal.done(&["deployment", "schedule", "pause", "f/d", &id]);
    assert_eq!(schedules().iter().filter(|schedule| schedule["active"] == false).count(), 1);
    terminal.done(&["deployment", "schedule", "resume", "f/d", &id]);
    assert!(schedules().iter().all(|schedule| schedule["active"] == true));
    assert!(terminal.done(&["deployment", "schedule", "pause", "--all"]).contains("Paused 3"));
    assert!(schedules().iter().all(|schedule| schedule["active"] == false));
    assert!(terminal.done(&["deployment", "schedule", "resume", "--all"]).contains("Resumed 3"));
    terminal.done(&["deployment", "schedule", "delete", "f/d", &id, "-y"]);
    assert_eq!(schedules().len(), 2);
    let replacing = ["deployment", "schedule", "create", "f/d", "--interval", "90", "--replace", "-y"];
    terminal.done(&[&replacing[..], &["--anchor-date", "2026-01-01", "--timezone", "Europe/Berlin"]].concat());
    assert_eq!(schedules().len(), 1);
    assert_eq!(
        (&schedules()[0]["schedule"]["interval"], &schedules()[0]["schedule"]["timezone"]),
        (&json!(90.0), &json!("Europe/Berlin"))
    );
    terminal.done(&["deployment", "schedule", "clear", "-y", "f/d"]);
    assert_eq!(schedules().len(), 0);
}

const SERVE: &str = r#"
import os, signal, threading, time
from prefect import flow
from prefect.client.orchestration import get_client

@flow(name="served")
def served():
    print("it runs")

def stop_when_it_ran():
    with get_client(sync_client=True) as client:
        while not any(run.state and run.state.is_completed() for run in client.read_flow_runs()):
            time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGINT)

if __name__ == "__main__":
    # Ignored by what a shell starts in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=stop_when_it_ran, daemon=True).start()
    served.serve(name="every-five-seconds", interval=5)
"#;

#[test]
fn a_served_flow_runs_by_its_schedule() {
    let tenant = Tenant::fresh();
    let client = Client::of(&tenant).env("PREFECT_RUNNER_POLL_FREQUENCY", "1");
    let script = client.home().path().join("served.py");
    std::fs::write(&script, SERVE).expect("a file in a folder of ours");
    let start = format!("import runpy; runpy.run_path({:?}, run_name='__main__')", script.display().to_string());
    client.python(&start);
    let api = tenant.api();
    let runs = api
        .post("/flow_runs/filter", &json!({ "flow_runs": { "state": { "type": { "any_": ["COMPLETED"] } } } }))
        .expect(200);
    let run = &runs[0];
    assert_eq!((&run["auto_scheduled"], &run["created_by"]["type"]), (&json!(true), &json!("SCHEDULE")), "{runs}");
    // It was stopped, which pauses its schedule and takes away what was ahead.
    let deployments = api.post("/deployments/filter", &json!({})).expect(200);
    assert_eq!(deployments[0]["paused"], true);
    let ahead = json!({ "flow_runs": { "state": { "name": { "any_": ["Scheduled"] } } } });
    assert_eq!(api.post("/flow_runs/count", &ahead).expect(200), json!(0));
}

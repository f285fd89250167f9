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
    let flow = api.post("/flows/", &json!({ "name": "f" })).expect(201);
    let made = api.post("/deployments/", &json!({ "name": "d", "flow_id": flow["id"] })).expect(201);
    let schedules = || {
        let path = format!("/deployments/{}/schedules", made["id"].as_str().expect("an id"));
        api.get(&path).expect(200).as_array().expect("a list").clone()
    };
    client.prefect(&["deployment", "schedule", "create", "f/d", "--cron", "0 0 * * *"]).expect_success();
    client.prefect(&["deployment", "schedule", "create", "f/d", "--interval", "3600"]).expect_success();
    client.prefect(&["deployment", "schedule", "create", "f/d", "--rrule", "FREQ=DAILY"]).expect_success();
    assert_eq!(schedules().len(), 3);
    assert!(client.prefect(&["deployment", "schedule", "ls", "f/d"]).expect_success().contains("cron: 0 0 * * *"));
    let id = schedules()[0]["id"].as_str().expect("an id").to_owned();
    client.prefect(&["deployment", "schedule", "pause", "f/d", &id]).expect_success();
    assert_eq!(schedules().iter().filter(|schedule| schedule["active"] == false).count(), 1);
    client.prefect(&["deployment", "schedule", "resume", "f/d", &id]).expect_success();
    assert!(schedules().iter().all(|schedule| schedule["active"] == true));
    client.prefect(&["deployment", "schedule", "delete", "f/d", &id]).expect_success();
    assert_eq!(schedules().len(), 2);
    client.prefect(&["deployment", "schedule", "clear", "-y", "f/d"]).expect_success();
    assert_eq!(schedules().len(), 0);
}

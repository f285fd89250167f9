//! Runs that are made ahead.

use serde_json::json;

use super::scene::{Scene, Service};

/// New deployments each time.
const DEPLOYMENTS: usize = 2;

pub static SCHEDULER: Service = Service {
    name: "scheduler",
    pass: "schedules",
    set_up: |_| {},
    lay: |scene| {
        for nth in 0..DEPLOYMENTS {
            let body = json!({
                "name": format!("{}-{nth}", scene.round), "flow_id": scene.flow(), "schedules": [{"schedule": daily(scene)}],
            });
            scene.api().post("/deployments/", &body).expect(201);
        }
        // The runs of the first go, and others come.
        let first = scene.sql("select deployment_id, id from {s}.deployment_schedule order by created limit 1");
        let (deployment, schedule) = first.split_once('|').expect("two columns");
        let path = format!("/deployments/{deployment}/schedules/{schedule}");
        scene.api().patch(&path, &json!({"schedule": daily(scene)})).expect(204);
    },
    meanwhile: None,
    left: "select count(*) from {s}.schedule_pass where next_pass_at <= now()",
    wrong: &[
        (
            "a schedule that has not its three runs",
            "select s.id, count(r.id) from {s}.deployment_schedule s left join {s}.flow_run r on r.schedule_id = s.id
             group by s.id having count(r.id) <> 3",
        ),
        (
            "a date twice",
            "select schedule_id, next_scheduled_start_time from {s}.flow_run group by 1, 2 having count(*) > 1",
        ),
        (
            "a run of a schedule as it was",
            "select r.id from {s}.flow_run r join {s}.deployment_schedule s on s.id = r.schedule_id
             where extract(hour from r.next_scheduled_start_time at time zone 'UTC') <> split_part(s.schedule ->> 'cron', ' ', 2)::int",
        ),
        ("a run of no schedule", "select id from {s}.flow_run where schedule_id is null"),
    ],
    // Nobody is told of runs that are made ahead, so their states have no events.
    whole: false,
};

/// At another hour each time, and none that comes while the test runs.
fn daily(scene: &Scene) -> serde_json::Value {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("it is later than 1970");
    let hour = (now.as_secs() / 3600 + 4 + scene.round as u64 % 16) % 24;
    json!({"cron": format!("0 {hour} * * *")})
}

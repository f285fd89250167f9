//! Background tasks whose worker is lost.

use serde_json::json;
use uuid::Uuid;

use super::scene::{Scene, Service, id};

pub static TASK_WORKERS: Service = Service {
    name: "task workers",
    pass: "task_workers",
    set_up: |_| {},
    lay: |scene| {
        (0..2).for_each(|_| drop(delayed(scene, "waits")));
        (0..2).for_each(|_| drop(delayed(scene, "begun")));
        let ended = delayed(scene, "ended");
        // All are with a worker that is not heard of any more.
        scene.sql(
            "update {s}.task_offer set worker = 'gone-1', session = gen_random_uuid(), taken = now() - interval '1 hour', confirmed = true
             where worker is null and task_key = 'waits'
             or worker is null and task_run_id in (select id from {s}.task_run where state_type = 0 and state_name = 'Scheduled')",
        );
        let begun = scene.sql("select id from {s}.task_run where task_key = 'begun' and run_count = 0");
        begun.lines().for_each(|run| enters(scene, run, "RUNNING"));
        enters(scene, &ended, "COMPLETED");
    },
    meanwhile: None,
    left: "select count(*) from {s}.task_offer where worker is not null",
    wrong: &[
        (
            "a task that waits and is not offered, or is offered and does not wait",
            "select t.id, t.state_type from {s}.task_run t full join {s}.task_offer o on o.task_run_id = t.id
             where (t.state_type = 0) is distinct from (o.task_run_id is not null)",
        ),
        (
            "a task that was not given back once",
            "select t.task_key, s.run_id, count(*) from {s}.run_state s join {s}.task_run t on t.id = s.run_id group by 1, 2
             having count(*) <> case t.task_key when 'waits' then 1 when 'begun' then 3 else 2 end",
        ),
        (
            "a task without its parameters",
            "select id from {s}.task_run where state_type = 0 and state #>> '{state_details,task_parameters_id}' is null",
        ),
    ],
    whole: true,
};

fn delayed(scene: &Scene, key: &str) -> String {
    let body = json!({
        "task_key": key, "dynamic_key": Uuid::new_v4(),
        "state": {"type": "SCHEDULED", "state_details": {"deferred": true, "task_parameters_id": Uuid::nil()}},
    });
    id(&scene.api().post("/task_runs/", &body).expect(201))
}

fn enters(scene: &Scene, run: &str, state: &str) {
    let answer =
        scene.api().post(&format!("/task_runs/{run}/set_state"), &json!({"state": {"type": state}})).expect(201);
    assert_eq!(answer["status"], "ACCEPT", "{answer}");
}

//! What is old goes, and what is not stays.

use serde_json::json;

use super::scene::{Scene, Service};

const RUNS: usize = 4;

pub static RETENTION: Service = Service {
    name: "retention",
    pass: "retention",
    set_up: |_| {},
    lay: |scene| {
        (0..RUNS).for_each(|_| ended(scene, "old"));
        ended(scene, "fresh");
        scene.sql(
            "update {s}.event set occurred = occurred - interval '8 days'
             where resource_id in (select 'prefect.flow-run.' || id from {s}.flow_run where name = 'old')",
        );
        scene.sql("update {s}.log set timestamp = timestamp - interval '31 days' where message = 'old'");
        scene.sql("update {s}.flow_run set end_time = end_time - interval '11 days' where name = 'old'");
    },
    meanwhile: None,
    left: "select (select count(*) from {s}.flow_run where name = 'old') + (select count(*) from {s}.log where message = 'old')
         + (select count(*) from {s}.event where occurred < now() - interval '7 days')",
    wrong: &[
        (
            "a state without its run",
            "select s.id from {s}.run_state s left join {s}.flow_run r on r.id = s.run_id left join {s}.task_run t on t.id = s.run_id
             where r.id is null and t.id is null",
        ),
        (
            "a task run without its flow run",
            "select t.id from {s}.task_run t left join {s}.flow_run r on r.id = t.flow_run_id where r.id is null",
        ),
        (
            "a line without its run",
            "select l.id from {s}.log l left join {s}.flow_run r on r.id = l.flow_run_id where r.id is null",
        ),
        (
            "something that is not old and not there",
            "select * from (select (select count(*) from {s}.flow_run) runs, (select count(*) from {s}.log) lines,
                (select count(*) from {s}.task_run) tasks, (select count(*) from {s}.run_state) states,
                (select count(*) from {s}.event where event like 'prefect.flow-run.%') events) x
             where (runs, lines, tasks, states, events) <> ({rounds}, {rounds}, {rounds}, 3 * {rounds}, 2 * {rounds})",
        ),
    ],
    whole: false,
};

/// A run with a task and a line of its log.
fn ended(scene: &Scene, name: &str) {
    let run = scene.run(json!({"name": name, "state": {"type": "RUNNING"}}));
    let task = json!({"flow_run_id": run, "task_key": "t", "dynamic_key": "0", "state": {"type": "COMPLETED"}});
    scene.api().post("/task_runs/", &task).expect(201);
    let now = super::scene::at(0.0);
    let line = json!([{"name": "n", "level": 20, "message": name, "timestamp": now, "flow_run_id": run}]);
    scene.api().post("/logs/", &line).expect(201);
    scene.enters(&run, json!({"type": "COMPLETED"}));
}

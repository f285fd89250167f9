//! Runs that nobody looks after.

use serde_json::json;

use super::scene::{Scene, Service, at, id};

const RUNS: usize = 6;

pub static LATE: Service = Service {
    name: "late runs",
    pass: "late_runs",
    set_up: |_| {},
    lay: |scene| {
        for _ in 0..RUNS {
            scene.run(json!({"state": {"type": "SCHEDULED", "state_details": {"scheduled_time": at(-10.0)}}}));
        }
    },
    meanwhile: None,
    left: "select count(*) from {s}.flow_run where state_name = 'Scheduled'",
    wrong: &[
        (
            "a run that was not marked once",
            "select run_id from {s}.run_state group by run_id having count(*) filter (where name = 'Late') <> 1 or count(*) <> 2",
        ),
        (
            "a run of which was not told once",
            "select resource_id from {s}.event where event like 'prefect.flow-run.%' group by resource_id
             having count(*) filter (where event = 'prefect.flow-run.Late') <> 1",
        ),
    ],
    whole: true,
};

pub static PAUSES: Service = Service {
    name: "pause expiry",
    pass: "cancellations",
    set_up: |_| {},
    lay: |scene| {
        for _ in 0..RUNS {
            let run = scene.run(json!({"state": {"type": "RUNNING"}}));
            scene.enters(&run, json!({"type": "PAUSED", "state_details": {"pause_timeout": at(3600.0)}}));
        }
        scene.sql("update {s}.flow_run set state_due = now() where state ->> 'type' = 'PAUSED'");
    },
    meanwhile: None,
    left: "select count(*) from {s}.flow_run where state ->> 'type' = 'PAUSED'",
    wrong: &[(
        "a pause that did not fail once",
        "select run_id from {s}.run_state group by run_id having count(*) filter (where type = 'FAILED') <> 1 or count(*) <> 3",
    )],
    whole: true,
};

pub static CANCELLATIONS: Service = Service {
    name: "cancellations",
    pass: "cancellations",
    set_up: |_| {},
    lay: |scene| {
        for _ in 0..RUNS {
            let run = scene.run(json!({"state": {"type": "RUNNING"}}));
            scene.enters(&run, json!({"type": "CANCELLING"}));
        }
        scene.sql("update {s}.flow_run set state_due = now() where state ->> 'type' = 'CANCELLING'");
    },
    meanwhile: None,
    left: "select count(*) from {s}.flow_run where state ->> 'type' = 'CANCELLING'",
    wrong: &[(
        "a run that was not cancelled once",
        "select run_id from {s}.run_state group by run_id having count(*) filter (where type = 'CANCELLED') <> 1 or count(*) <> 3",
    )],
    whole: true,
};

pub static CHILDREN: Service = Service {
    name: "children of cancelled runs",
    pass: "cancellations",
    set_up: |_| {},
    lay: |scene| {
        let parent = scene.run(json!({"state": {"type": "RUNNING"}}));
        let tasks: Vec<String> = (0..4).map(|nth| task(scene, &parent, nth)).collect();
        let subflow = scene.run(json!({"parent_task_run_id": tasks[3], "state": {"type": "RUNNING"}}));
        task(scene, &subflow, 0);
        scene.enters(&parent, json!({"type": "CANCELLED"}));
    },
    meanwhile: None,
    left: "select (select count(*) from {s}.flow_run where state ->> 'type' = 'RUNNING')
         + (select count(*) from {s}.task_run where state ->> 'type' = 'RUNNING')",
    // The task that stands for a subflow follows it, and is told of its end too.
    wrong: &[
        (
            "a run that was not cancelled once",
            "select run_id from {s}.run_state where run_id not in (select parent_task_run_id from {s}.flow_run where parent_task_run_id is not null)
             group by run_id having count(*) filter (where type = 'CANCELLED') <> 1 or count(*) <> 2",
        ),
        (
            "a run that was begun again",
            "select run_id from {s}.run_state group by run_id having max(timestamp) filter (where type <> 'CANCELLED')
             > min(timestamp) filter (where type = 'CANCELLED')",
        ),
    ],
    whole: true,
};

fn task(scene: &Scene, flow_run: &str, nth: usize) -> String {
    let body =
        json!({"flow_run_id": flow_run, "task_key": nth.to_string(), "dynamic_key": "0", "state": {"type": "RUNNING"}});
    id(&scene.api().post("/task_runs/", &body).expect(201))
}

//! Workers, pools and queues that are heard of no more.

use serde_json::json;
use tests::eventually;

use super::scene::Service;

const POOLS: usize = 3;

pub static FOREMAN: Service = Service {
    name: "foreman",
    pass: "foreman",
    set_up: |scene| {
        for nth in 0..POOLS {
            scene.api().post("/work_pools/", &json!({"name": nth.to_string(), "type": "process"})).expect(201);
        }
        // A pool begins by telling that it is not ready.
        scene.sql("delete from {s}.event");
    },
    lay: |scene| {
        for nth in 0..POOLS {
            scene.api().post(&format!("/work_pools/{nth}/workers/heartbeat"), &json!({"name": "w"})).expect(204);
            scene.api().post(&format!("/work_pools/{nth}/get_scheduled_flow_runs"), &json!({})).expect(200);
        }
        // A poll is marked behind its answer.
        eventually("pools, queues and workers are ready", || {
            match scene.sql("select count(*) from {s}.pulse where status = 1").parse::<usize>() {
                Ok(ready) if ready == 3 * POOLS => Ok(()),
                ready => Err(ready),
            }
        });
        scene.sql("update {s}.pulse set last_seen = now() - interval '1 hour'");
    },
    meanwhile: None,
    left: "select count(*) from {s}.pulse where status = 1",
    wrong: &[(
        "a pool or a queue of which was not told each time",
        "select resource_id, count(*) filter (where event like '%.ready'), count(*) filter (where event like '%.not-ready')
         from {s}.event where event like 'prefect.work-%ready' group by resource_id
         having count(*) filter (where event like '%.ready') <> {rounds} or count(*) filter (where event like '%.not-ready') <> {rounds}",
    )],
    whole: true,
};

//! Slots whose holders are gone. The database itself refuses a count above the limit here, whoever writes it.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use tests::{Api, eventually};

use super::scene::{Scene, Service, id};

/// One is held for good, one now and then by somebody beside, and the others by some who are gone.
const SLOTS: usize = 4;

pub static LEASES: Service = Service {
    name: "leases",
    pass: "leases",
    set_up: |scene| {
        scene.sql(
            "alter table {s}.concurrency_limit add constraint never_above check (active_slots between 0 and \"limit\")",
        );
        scene.api().post("/v2/concurrency_limits/", &json!({"name": "shared", "limit": SLOTS})).expect(201);
        take(&scene.api(), 80_000).expect("all are free");
        let body = json!({"name": "one at a time", "flow_id": scene.flow(), "concurrency_limit": 1});
        scene.api().post("/deployments/", &body).expect(201);
    },
    lay: |scene| {
        for _ in 0..SLOTS - 2 {
            eventually("a slot is free", || take(&scene.api(), 60).ok_or("not yet"));
        }
        // The slot of the one before has come back, or this would have to wait.
        let deployment = scene.sql("select id from {s}.deployment");
        let run = scene.api().post(&format!("/deployments/{deployment}/create_flow_run"), &json!({})).expect(201);
        scene.enters(&id(&run), json!({"type": "PENDING"}));
        scene.sql(
            "update {s}.concurrency_lease set expires_at = now() - interval '1 s' where expires_at < now() + interval '1 hour'",
        );
    },
    meanwhile: Some(takes_and_gives_back),
    left: "select count(*) from {s}.concurrency_lease where expires_at < now()",
    wrong: &[
        (
            "slots that no lease holds, or that are held and not counted",
            "select l.name, l.active_slots, l.leased_slots from {s}.concurrency_limit l where l.active_slots <> l.leased_slots
             or l.leased_slots <> (select coalesce(sum(e.slots), 0) from {s}.concurrency_lease e where l.id = any(e.limit_ids))",
        ),
        (
            "a slot that is held came back, or one did not come back",
            "select name, active_slots from {s}.concurrency_limit
             where active_slots <> case when name = 'shared' then 1 else 0 end",
        ),
    ],
    whole: true,
};

fn take(api: &Api, seconds: u32) -> Option<String> {
    let body = json!({"names": ["shared"], "slots": 1, "lease_duration": seconds});
    let answer = api.post("/v2/concurrency_limits/increment-with-lease", &body);
    match answer.status {
        423 => None,
        _ => answer.expect(200)["lease_id"].as_str().map(str::to_owned),
    }
}

fn takes_and_gives_back(scene: &Scene, stop: &AtomicBool) {
    let api = scene.api();
    while !stop.load(Ordering::Relaxed) {
        if let Some(lease) = take(&api, 80_000) {
            api.post("/v2/concurrency_limits/decrement-with-lease", &json!({"lease_id": lease})).expect(204);
        }
    }
}

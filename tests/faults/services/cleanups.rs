//! Clean-ups whose worker said no more of them. The database itself refuses one that is given up before its time.

use serde_json::json;

use super::scene::Service;

/// How often one is delivered before it is given up: as by default.
const DELIVERIES: usize = 3;

pub static CLEANUPS: Service = Service {
    name: "clean-ups",
    pass: "cleanups",
    set_up: |scene| {
        scene.api().post("/work_pools/", &json!({"name": "pool", "type": "mine"})).expect(201);
        scene.sql(&format!(
            "alter table {{s}}.cleanup add constraint never_early check (dead_at is null or deliveries >= {DELIVERIES})"
        ));
    },
    lay: |scene| {
        // Two of each number of deliveries, all reserved and not heard of again; one is in hand.
        scene.sql(&format!(
            "insert into {{s}}.cleanup (id, work_pool_id, kind, target, deliveries, token, consumer_id, lease_expires_at)
             select gen_random_uuid(), p.id, 0, '{{}}'::json, n, 'token', gen_random_uuid(), now() - interval '1 s'
             from {{s}}.work_pool p, generate_series(1, {DELIVERIES}) n, generate_series(1, 2)
             union all
             select gen_random_uuid(), p.id, 0, '{{}}'::json, {DELIVERIES}, 'in hand', gen_random_uuid(), now() + interval '1 day'
             from {{s}}.work_pool p"
        ));
    },
    meanwhile: None,
    left: "select count(*) from {s}.cleanup where lease_expires_at <= now()",
    wrong: &[
        (
            "one that was lost, given up early or late, or taken from whoever has it in hand",
            "select free, dead, held from (select count(*) filter (where dead_at is null and token is null) free,
                count(*) filter (where dead_at is not null and dead_because is not null) dead,
                count(*) filter (where token = 'in hand' and dead_at is null) held from {s}.cleanup) x
             where (free, dead, held) <> (4 * {rounds}, 2 * {rounds}, {rounds})",
        ),
        (
            "one that is free with a token, or was delivered without anybody there",
            "select id from {s}.cleanup where (lease_expires_at is null) <> (token is null) or deliveries > 3",
        ),
    ],
    whole: true,
};

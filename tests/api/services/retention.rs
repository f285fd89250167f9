//! What is old goes, and what is not stays.

use serde_json::{Value, json};
use tests::{Tenant, eventually};

use super::ground::{flow, in_state, quick, run};

/// Settings are the installation's: events 7 days, logs 30; a workspace has its own for runs.
#[test]
fn old_events_logs_and_runs_go_and_the_rest_stays() {
    let server = quick();
    let tenant = Tenant::on(server);
    let api = tenant.api();
    let flow = flow(&api);
    let (old, fresh) = (run(&api, &flow, in_state("RUNNING")), run(&api, &flow, in_state("RUNNING")));
    for run in [&old, &fresh] {
        api.post(&format!("/flow_runs/{run}/set_state"), &json!({"state": {"type": "COMPLETED"}})).expect(201);
        let line = json!([{"name": "n", "level": 20, "message": "m", "timestamp": "2026-01-01T00:00:00Z", "flow_run_id": run}]);
        api.post("/logs/", &line).expect(201);
    }
    let body = json!({"flow_run_id": old, "task_key": "t", "dynamic_key": "0", "state": {"type": "COMPLETED"}});
    api.post("/task_runs/", &body).expect(201);
    assert_eq!(api.get("/settings").expect(200)["run_retention_days"], Value::Null);
    api.patch("/settings", &json!({"run_retention_days": 10, "log_retention_days": null})).expect(204);
    assert_eq!(api.get("/settings").expect(200)["run_retention_days"], 10);

    let schema = tests::truth::schema_of(server, &tenant);
    let sql = |text: &str| server.database().sql(&text.replace("{s}", &schema));
    sql(
        "update {s}.log set timestamp = now() - interval '31 days' where flow_run_id = (select id from {s}.flow_run order by id limit 1)",
    );
    sql(
        "update {s}.log set timestamp = now() where flow_run_id = (select id from {s}.flow_run order by id desc limit 1)",
    );
    sql(
        "update {s}.event set occurred = now() - interval '8 days' where resource_id like '%' || (select id::text from {s}.flow_run order by id limit 1)",
    );
    sql(
        "update {s}.flow_run set end_time = now() - interval '11 days' where id = (select id from {s}.flow_run order by id limit 1)",
    );
    let due = "insert into cell.tick (workspace_id, due) select id, now() from control.workspace on conflict (workspace_id) do update set due = now()";
    server.database().sql(due);

    eventually("the old run is gone", || {
        let status = api.get(&format!("/flow_runs/{old}")).status;
        if status == 404 { Ok(()) } else { Err(status) }
    });
    eventually("what is old is gone", || {
        let left = [
            sql("select count(*) from {s}.log where timestamp < now() - interval '1 day'"),
            sql("select count(*) from {s}.event where occurred < now() - interval '1 day'"),
            sql("select count(*) from {s}.task_run"),
        ];
        if left == ["0", "0", "0"] { Ok(()) } else { Err(left) }
    });
    assert_eq!(api.get(&format!("/flow_runs/{fresh}")).expect(200)["state_type"], "COMPLETED");
    assert_eq!(sql("select count(*) from {s}.log"), "1");
    assert_ne!(sql("select count(*) from {s}.event"), "0");
}

#[test]
fn a_workspace_keeps_things_for_good_or_for_days_and_nothing_else() {
    let api = Tenant::on(quick()).api();
    for wrong in
        [json!({"run_retention_days": -1}), json!({"event_retention_days": "soon"}), json!({"log_retention_days": 1.5})]
    {
        api.patch("/settings", &wrong).expect(422);
    }
    api.patch("/settings", &json!({"event_retention_days": 0})).expect(204);
    api.patch("/settings", &json!({"inherit_default_result_storage": false})).expect(204);
    let settings = api.get("/settings").expect(200);
    assert_eq!(
        (&settings["event_retention_days"], &settings["inherit_default_result_storage"]),
        (&json!(0), &json!(false))
    );
    api.patch("/settings", &json!({"event_retention_days": null})).expect(204);
    assert_eq!(api.get("/settings").expect(200)["event_retention_days"], Value::Null);
}

//! Who is ready and who is not any more: workers by their heartbeats, pools by their workers, queues and deployments by who
//! polls them. Each change is told once.

use std::sync::OnceLock;

use serde_json::{Value, json};
use tests::{Api, Server, Tenant, eventually, truth};

/// Its services look five times a second.
fn quick() -> &'static Server {
    static SHARED: OnceLock<Server> = OnceLock::new();
    SHARED.get_or_init(|| {
        Server::builder().env("PREFECTURE_SERVICES_POLL", "200ms").env("PREFECTURE_POLL_HOLD", "0s").start()
    })
}

fn id(object: &Value) -> String {
    object["id"].as_str().unwrap_or_else(|| panic!("no id in {object}")).to_owned()
}

fn becomes(api: &Api, path: &str, status: &str) {
    eventually(&format!("{path} becomes {status}"), || {
        let found = api.get(path).expect(200)["status"].clone();
        if found == status { Ok(()) } else { Err(found) }
    });
}

/// What was told of an object, oldest first.
fn told(api: &Api, resource: &str, prefix: &str) -> Vec<Value> {
    let occurred = json!({ "since": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z" });
    let filter = json!({ "resource": { "id": [resource] }, "event": { "prefix": [prefix] }, "occurred": occurred, "order": "ASC" });
    let page = api.post("/events/filter", &json!({ "filter": filter, "limit": 50 })).expect(200);
    page["events"].as_array().expect("a list").clone()
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().expect("a name")).collect()
}

/// As if so much time had gone by since anybody was seen, and the workspace were due.
fn time_goes_by(tenant: &Tenant, seconds: u32, of: &str) {
    let schema = truth::schema_of(quick(), tenant);
    let aged = format!("update {schema}.pulse set last_seen = now() - interval '{seconds} s' where {of}");
    quick().database().sql(&aged);
    quick().database().sql("update cell.tick set due = now()");
}

#[test]
fn a_worker_that_misses_its_heartbeats_is_offline_and_its_pool_is_not_ready() {
    let tenant = Tenant::on(quick());
    let api = tenant.api();
    let pool = id(&api.post("/work_pools/", &json!({ "name": "p", "type": "process" })).expect(201));
    let beat = |name: &str, seconds: i64| {
        let beat = json!({ "name": name, "heartbeat_interval_seconds": seconds });
        api.post("/work_pools/p/workers/heartbeat", &beat).expect(204);
    };
    let workers = |status: &str| -> Vec<String> {
        let filter = json!({ "workers": { "status": { "any_": [status] } } });
        let found = api.post("/work_pools/p/workers/filter", &filter).expect(200);
        let names = found.as_array().expect("a list").iter().map(|worker| worker["name"].as_str().expect("a name"));
        names.map(str::to_owned).collect()
    };
    let offline = |name: &str| {
        eventually(&format!("{name} is offline"), || match workers("OFFLINE") {
            offline if offline.iter().any(|other| other == name) => Ok(()),
            offline => Err(offline),
        });
    };
    beat("quiet", 1);
    beat("steady", 3600);
    becomes(&api, "/work_pools/p", "READY");
    // Three heartbeats are missed in three seconds; the other worker keeps the pool.
    offline("quiet");
    assert_eq!(workers("ONLINE"), ["steady"]);
    assert_eq!(api.get("/work_pools/p").expect(200)["status"], "READY");
    beat("steady", 1);
    offline("steady");
    becomes(&api, "/work_pools/p", "NOT_READY");
    beat("quiet", 3600);
    becomes(&api, "/work_pools/p", "READY");
    assert_eq!(workers("ONLINE"), ["quiet"]);
    let resource = format!("prefect.work-pool.{pool}");
    let events: Vec<Value> =
        [told(&api, &resource, "prefect.work-pool.ready"), told(&api, &resource, "prefect.work-pool.not-ready")]
            .concat();
    assert_eq!(
        names(&events),
        [
            "prefect.work-pool.ready",
            "prefect.work-pool.ready",
            // As a new pool is.
            "prefect.work-pool.not-ready",
            "prefect.work-pool.not-ready",
        ],
        "{events:?}"
    );
}

#[test]
fn queues_and_deployments_are_ready_while_somebody_polls_them() {
    let tenant = Tenant::on(quick());
    let api = tenant.api();
    api.post("/work_pools/", &json!({ "name": "p", "type": "process" })).expect(201);
    let flow = api.post("/flows/", &json!({ "name": "f" })).expect(201)["id"].clone();
    let deployment = |name: &str, pool: Value| {
        let new = json!({ "name": name, "flow_id": flow, "work_pool_name": pool });
        id(&api.post("/deployments/", &new).expect(201))
    };
    let (pooled, served) = (deployment("pooled", json!("p")), deployment("served", Value::Null));
    let queue = id(&api.get("/work_pools/p/queues/default").expect(200));
    let poll = || {
        let poll = json!({ "scheduled_before": "2024-01-01T00:00:00Z" });
        api.post("/work_pools/p/get_scheduled_flow_runs", &poll).expect(200);
    };
    let serve = || {
        let poll = json!({ "deployment_ids": [served], "scheduled_before": "2024-01-01T00:00:00Z" });
        api.post("/deployments/get_scheduled_flow_runs", &poll).expect(200);
    };
    let of_pooled = format!("/deployments/{pooled}");
    let of_served = format!("/deployments/{served}");
    let of_queue = "/work_pools/p/queues/default";
    for path in [&of_pooled, &of_served, of_queue] {
        assert_eq!(api.get(path).expect(200)["status"], "NOT_READY", "{path}");
    }

    poll();
    serve();
    for path in [&of_pooled, &of_served, of_queue] {
        becomes(&api, path, "READY");
    }
    // Nobody asks for the deployments themselves; the poll of its queue counts for the one.
    time_goes_by(&tenant, 120, "kind = 3");
    becomes(&api, &of_served, "NOT_READY");
    assert_eq!(api.get(&of_pooled).expect(200)["status"], "READY");

    time_goes_by(&tenant, 120, "true");
    for path in [&of_pooled, of_queue] {
        becomes(&api, path, "NOT_READY");
    }
    poll();
    for path in [&of_pooled, of_queue] {
        becomes(&api, path, "READY");
    }

    let statuses = |kind: &str, of: &str| -> Vec<String> {
        let all = told(&api, &format!("prefect.{kind}.{of}"), &format!("prefect.{kind}."));
        let last = |event: &Value| event["event"].as_str().and_then(|name| name.rsplit('.').next()).map(str::to_owned);
        let status = |name: &String| matches!(name.as_str(), "ready" | "not-ready");
        all.iter().filter_map(last).filter(status).collect()
    };
    assert_eq!(statuses("deployment", &pooled), ["ready", "not-ready", "ready"]);
    assert_eq!(statuses("deployment", &served), ["ready", "not-ready"]);
    assert_eq!(statuses("work-queue", &queue), ["ready", "not-ready", "ready"]);
    let ready = &told(&api, &format!("prefect.deployment.{pooled}"), "prefect.deployment.ready")[0];
    assert_eq!(ready["resource"]["prefect.resource.name"], "pooled");
    let roles: Vec<&Value> =
        ready["related"].as_array().expect("a list").iter().map(|one| &one["prefect.resource.role"]).collect();
    assert_eq!(roles, ["flow", "work-queue", "work-pool"]);
}

#[test]
fn whoever_sees_the_first_worker_of_a_pool_sees_the_pool_ready() {
    let tenant = Tenant::on(quick());
    let api = tenant.api();
    api.post("/work_pools/", &json!({ "name": "p", "type": "process" })).expect(201);
    // A pool takes half a second to become ready, for all to see that nothing is seen meanwhile.
    let schema = truth::schema_of(quick(), &tenant);
    quick().database().sql(&format!(
        "create function {schema}.slow() returns trigger language plpgsql as \
            'begin perform pg_catalog.pg_sleep(0.5); return new; end'; \
        create trigger slow before insert on {schema}.pulse for each row when (new.kind = 0) execute function {schema}.slow()"
    ));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let beat = json!({ "name": "w", "heartbeat_interval_seconds": 3600 });
            tenant.api().post("/work_pools/p/workers/heartbeat", &beat).expect(204);
        });
        eventually("the worker is there", || {
            let workers = api.post("/work_pools/p/workers/filter", &json!({})).expect(200);
            if workers[0]["status"] == "ONLINE" { Ok(()) } else { Err(workers) }
        });
        assert_eq!(api.get("/work_pools/p").expect(200)["status"], "READY");
    });
}

//! `/flow_runs/{id}/why`: each reason, through the program.

use serde_json::{Value, json};
use tests::{Api, Server, Tenant, eventually, truth};

/// A workspace with a flow, and a work pool of which nobody has heard.
struct Scene {
    tenant: Tenant,
    api: Api,
    flow: Value,
}

fn id(object: &Value) -> String {
    object["id"].as_str().unwrap_or_else(|| panic!("no id in {object}")).to_owned()
}

impl Scene {
    fn new() -> Self {
        let tenant = Tenant::fresh();
        let api = tenant.api();
        api.post("/work_pools/", &json!({ "name": "p", "type": "process" })).expect(201);
        let flow = api.post("/flows/", &json!({ "name": "f" })).expect(201)["id"].clone();
        Self { tenant, api, flow }
    }

    fn run(&self, more: Value) -> String {
        let mut run = json!({ "flow_id": self.flow, "state": { "type": "SCHEDULED" } });
        run.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        id(&self.api.post("/flow_runs/", &run).expect(201))
    }

    fn in_pool(&self, name: &str) -> String {
        self.run(json!({ "name": name, "work_pool_name": "p" }))
    }

    fn deployment(&self, more: Value) -> String {
        let mut new = json!({ "name": "d", "flow_id": self.flow });
        new.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        id(&self.api.post("/deployments/", &new).expect(201))
    }

    fn run_of(&self, deployment: &str, name: &str) -> String {
        let path = format!("/deployments/{deployment}/create_flow_run");
        id(&self.api.post(&path, &json!({ "name": name })).expect(201))
    }

    fn set(&self, run: &str, state: Value) -> Value {
        let answer = self.api.post(&format!("/flow_runs/{run}/set_state"), &json!({ "state": state, "force": false }));
        assert!(matches!(answer.status, 200 | 201), "{}", answer.body);
        answer.body
    }

    fn why(&self, run: &str) -> Value {
        self.api.get(&format!("/flow_runs/{run}/why")).expect(200)
    }

    fn codes(&self, run: &str) -> Vec<String> {
        let why = self.why(run);
        let reasons = why["reasons"].as_array().expect("a list");
        reasons.iter().map(|reason| reason["code"].as_str().expect("a code").to_owned()).collect()
    }

    /// The facts of one reason, which there must be.
    fn facts(&self, run: &str, code: &str) -> Value {
        let why = self.why(run);
        let found = why["reasons"].as_array().expect("a list").iter().find(|reason| reason["code"] == code);
        found.unwrap_or_else(|| panic!("no {code} in {why}"))["facts"].clone()
    }

    fn heartbeat(&self) {
        self.api.post("/work_pools/p/workers/heartbeat", &json!({ "name": "w" })).expect(204);
    }

    /// A worker polls the pool, and it is marked, which is done behind the answer.
    fn poll(&self) {
        let poll = json!({ "scheduled_before": "2024-01-01T00:00:00Z", "limit": 0 });
        self.api.post("/work_pools/p/get_scheduled_flow_runs", &poll).expect(200);
        eventually("the poll is marked", || {
            let queue = self.api.get("/work_pools/p/queues/default").expect(200);
            if queue["last_polled"].is_null() { Err(queue) } else { Ok(()) }
        });
    }

    fn sql(&self, text: &str) {
        let server = Server::shared();
        let schema = truth::schema_of(server, &self.tenant);
        server.database().sql(&text.replace("{s}", &schema));
    }
}

#[test]
fn a_run_whose_time_has_not_come() {
    let scene = Scene::new();
    let later = "2100-01-01T00:00:00Z";
    let run = scene.run(
        json!({ "work_pool_name": "p", "state": { "type": "SCHEDULED", "state_details": { "scheduled_time": later } } }),
    );
    let why = scene.why(&run);
    assert_eq!((&why["flow_run_id"], &why["waits_for"]), (&json!(run), &json!("not_due")));
    assert_eq!((&why["state_name"], &why["seconds_late"]), (&json!("Scheduled"), &json!(0.0)));
    assert_eq!((&why["reasons"][0]["blocks"], &why["reasons"][0]["facts"]["until"]), (&json!(true), &json!(later)));
    assert_eq!(why["summary"], why["reasons"][0]["message"]);
    assert_eq!(scene.codes(&run), ["not_due", "no_worker"]);
}

#[test]
fn a_pool_without_workers_then_without_polls_then_with_both() {
    let scene = Scene::new();
    let run = scene.in_pool("r");
    assert_eq!(scene.codes(&run), ["no_worker"]);
    let facts = scene.facts(&run, "no_worker");
    assert_eq!((&facts["about"]["name"], &facts["last_seen"]), (&json!("p"), &Value::Null));
    scene.heartbeat();
    assert_eq!(scene.codes(&run), ["work_queue_not_polled"]);
    scene.poll();
    assert_eq!(scene.codes(&run), ["awaiting_poll"]);
    assert_eq!(scene.why(&run)["waits_for"], Value::Null);
    let facts = scene.facts(&run, "awaiting_poll");
    assert_eq!((&facts["about"]["name"], &facts["runs_ahead"]), (&json!("default"), &json!(0)));
    // The last poll of an hour ago.
    scene.sql("update {s}.pulse set last_seen = now() - interval '1 hour' where kind = 1");
    let age = scene.facts(&run, "work_queue_not_polled")["seconds_since_seen"].as_f64().expect("a number");
    assert!((3600.0..3700.0).contains(&age), "{age}");
}

#[test]
fn a_paused_pool_and_a_paused_queue() {
    let scene = Scene::new();
    let run = scene.in_pool("r");
    scene.heartbeat();
    scene.poll();
    scene.api.patch("/work_pools/p", &json!({ "is_paused": true })).expect(204);
    assert_eq!(scene.codes(&run), ["work_pool_paused"]);
    scene.api.patch("/work_pools/p/queues/default", &json!({ "is_paused": true })).expect(204);
    assert_eq!(scene.codes(&run), ["work_pool_paused", "work_queue_paused"]);
    scene.api.patch("/work_pools/p", &json!({ "is_paused": false })).expect(204);
    assert_eq!(scene.codes(&run), ["work_queue_paused"]);
}

#[test]
fn slots_of_a_pool_and_of_a_queue_and_who_takes_them() {
    let scene = Scene::new();
    let (holder, first, run) = (scene.in_pool("holder"), scene.in_pool("first"), scene.in_pool("r"));
    scene.heartbeat();
    scene.poll();
    scene.set(&holder, json!({ "type": "RUNNING" }));
    scene.api.patch("/work_pools/p", &json!({ "concurrency_limit": 2 })).expect(204);
    assert_eq!(scene.codes(&run), ["awaiting_poll"], "one of two slots is free");
    scene.api.patch("/work_pools/p", &json!({ "concurrency_limit": 1 })).expect(204);
    scene.api.patch("/work_pools/p/queues/default", &json!({ "concurrency_limit": 1 })).expect(204);
    assert_eq!(scene.codes(&run), ["work_pool_limit", "work_queue_limit"]);
    for code in ["work_pool_limit", "work_queue_limit"] {
        let facts = scene.facts(&run, code);
        assert_eq!((&facts["limit"], &facts["slots_taken"], &facts["runs_ahead"]), (&json!(1), &json!(1), &json!(1)));
        assert_eq!(facts["holders"].as_array().map(Vec::len), Some(1), "{facts}");
        let held = &facts["holders"][0];
        assert_eq!((&held["flow_run_id"], &held["flow_run_name"]), (&json!(holder), &json!("holder")));
        assert_eq!(held["state_name"], "Running");
    }
    let summary = scene.why(&run)["summary"].as_str().expect("a sentence").to_owned();
    assert_eq!(summary, r#"The work pool "p" is at its limit: 1 of 1 slot is taken, by "holder"."#);
    scene.set(&holder, json!({ "type": "COMPLETED" }));
    assert_eq!(scene.codes(&first), ["awaiting_poll"]);
}

#[test]
fn the_limit_of_a_deployment_and_who_holds_its_slots() {
    let scene = Scene::new();
    let deployment = scene.deployment(json!({ "work_pool_name": "p", "concurrency_limit": 1 }));
    scene.heartbeat();
    scene.poll();
    let (holder, run) = (scene.run_of(&deployment, "holder"), scene.run_of(&deployment, "r"));
    assert_eq!(scene.set(&holder, json!({ "type": "PENDING" }))["status"], "ACCEPT");
    assert_eq!(scene.codes(&run), ["deployment_limit"]);
    let facts = scene.facts(&run, "deployment_limit");
    assert_eq!((&facts["limit"], &facts["slots_taken"]), (&json!(1), &json!(1)));
    assert_eq!(facts["holders"].as_array().map(Vec::len), Some(1), "{facts}");
    assert_eq!(facts["holders"][0]["flow_run_id"], json!(holder));
    // It is put off.
    assert_eq!(scene.set(&run, json!({ "type": "PENDING" }))["status"], "REJECT");
    assert_eq!(scene.codes(&run), ["awaiting_concurrency_slot", "deployment_limit"]);
    assert!(scene.facts(&run, "awaiting_concurrency_slot")["until"].is_string());
    // Running, it holds its slot as before.
    assert_eq!(scene.set(&holder, json!({ "type": "RUNNING" }))["status"], "ACCEPT");
    assert_eq!(scene.facts(&run, "deployment_limit")["holders"][0]["state_name"], "Running");
}

#[test]
fn a_flow_that_nobody_serves_then_one_that_is() {
    let scene = Scene::new();
    let deployment = scene.deployment(json!({}));
    let run = scene.run_of(&deployment, "r");
    assert_eq!(scene.codes(&run), ["not_served"]);
    let poll = json!({ "deployment_ids": [deployment], "scheduled_before": "2024-01-01T00:00:00Z" });
    scene.api.post("/deployments/get_scheduled_flow_runs", &poll).expect(200);
    eventually("the poll is marked", || match &scene.codes(&run)[..] {
        [one] if one == "awaiting_poll" => Ok(()),
        codes => Err(codes.to_vec()),
    });
    assert_eq!(scene.facts(&run, "awaiting_poll")["about"]["kind"], "deployment");
}

#[test]
fn a_paused_deployment_and_a_schedule_that_is_not_active_keep_no_run_that_is_there() {
    let scene = Scene::new();
    let schedules = json!([{ "schedule": { "cron": "0 0 * * *" }, "slug": "daily" }]);
    let deployment = scene.deployment(json!({ "work_pool_name": "p", "schedules": schedules }));
    let filter = json!({ "deployments": { "id": { "any_": [deployment] } }, "limit": 1 });
    let made = eventually("runs are made ahead", || {
        let runs = scene.api.post("/flow_runs/filter", &filter).expect(200);
        if runs[0].is_null() { Err(runs) } else { Ok(id(&runs[0])) }
    });
    // What the API does to a schedule takes its runs with it; this is a run that it met too late.
    scene.sql("update {s}.deployment_schedule set active = false");
    let codes = scene.codes(&made);
    assert!(codes.contains(&"schedule_paused".to_owned()), "{codes:?}");
    assert_eq!(scene.facts(&made, "schedule_paused")["about"]["name"], "daily");
    let by_hand = scene.run_of(&deployment, "by hand");
    scene.api.post(&format!("/deployments/{deployment}/pause_deployment"), &json!({})).expect(200);
    let why = scene.why(&by_hand);
    let paused = why["reasons"].as_array().expect("a list").iter().find(|reason| reason["code"] == "deployment_paused");
    assert_eq!(paused.expect("it is told")["blocks"], false, "{why}");
}

#[test]
fn runs_that_nobody_can_find() {
    let scene = Scene::new();
    assert_eq!(scene.codes(&scene.run(json!({}))), ["not_deployed"]);
    let deployment = scene.deployment(json!({ "work_pool_name": "p" }));
    let again = scene.run_of(&deployment, "again");
    for state in ["RUNNING", "FAILED", "SCHEDULED"] {
        let path = format!("/flow_runs/{again}/set_state");
        scene.api.post(&path, &json!({ "state": { "type": state }, "force": true })).expect(201);
    }
    scene.api.delete(&format!("/deployments/{deployment}")).expect(204);
    assert_eq!(scene.codes(&again), ["deployment_deleted", "no_worker"]);
    scene.api.post("/work_pools/p/queues", &json!({ "name": "gone" })).expect(201);
    let lost = scene.run(json!({ "work_pool_name": "p", "work_queue_name": "gone" }));
    scene.api.delete("/work_pools/p/queues/gone").expect(204);
    assert_eq!(scene.codes(&lost), ["work_queue_deleted"]);
}

#[test]
fn runs_that_are_tried_again() {
    let scene = Scene::new();
    let run = scene.run(json!({ "state": { "type": "RUNNING" }, "work_pool_name": "p" }));
    let retry = json!({ "type": "SCHEDULED", "name": "AwaitingRetry", "state_details": { "scheduled_time": "2100-01-01T00:00:00Z" } });
    scene.set(&run, retry);
    assert_eq!(scene.codes(&run), ["awaiting_retry", "no_worker"]);
    let policy = json!({ "empirical_policy": { "retries": 1, "retry_type": "in_process" } });
    scene.api.patch(&format!("/flow_runs/{run}"), &policy).expect(204);
    assert_eq!(scene.codes(&run), ["awaiting_retry", "retries_in_process"]);
}

#[test]
fn runs_that_were_taken_paused_or_ended() {
    let scene = Scene::new();
    let run = scene.run(json!({ "state": { "type": "PENDING" } }));
    assert_eq!(scene.codes(&run), ["submitted"]);
    scene.set(&run, json!({ "type": "RUNNING" }));
    assert_eq!(scene.codes(&run), ["running"]);
    let until = "2100-01-01T00:00:00Z";
    scene.set(&run, json!({ "type": "PAUSED", "state_details": { "pause_timeout": until } }));
    assert_eq!((scene.codes(&run), &scene.facts(&run, "paused")["until"]), (vec!["paused".to_owned()], &json!(until)));
    scene.api.post(&format!("/flow_runs/{run}/resume"), &json!({})).expect(201);
    scene.api.patch(&format!("/flow_runs/{run}"), &json!({ "infrastructure_pid": "1" })).expect(204);
    scene.set(&run, json!({ "type": "CANCELLING" }));
    assert_eq!(scene.codes(&run), ["cancelling"]);
    scene.set(&run, json!({ "type": "CANCELLED" }));
    let why = scene.why(&run);
    assert_eq!((&why["reasons"][0]["code"], &why["waits_for"]), (&json!("ended"), &Value::Null));
    scene.sql("update {s}.flow_run set state_id = null, state_type = null, state_name = null, state = null");
    assert_eq!(scene.codes(&run), ["no_state"]);
}

#[test]
fn task_runs_that_wait_for_a_tag_and_who_has_it() {
    let scene = Scene::new();
    scene.api.post("/concurrency_limits/", &json!({ "tag": "db", "concurrency_limit": 1 })).expect(201);
    let task = |run: &str, name: &str| {
        let task = json!({ "flow_run_id": run, "name": name, "task_key": name, "dynamic_key": "0", "tags": ["db"], "state": { "type": "PENDING" } });
        id(&scene.api.post("/task_runs/", &task).expect(201))
    };
    let running = |name: &str| scene.run(json!({ "name": name, "state": { "type": "RUNNING" } }));
    let (other, run) = (running("other"), running("r"));
    let (holds, waits) = (task(&other, "holds"), task(&run, "waits"));
    assert_eq!(scene.codes(&run), ["running"], "a slot is free");
    let begin = |task: &str| {
        scene.api.post(&format!("/task_runs/{task}/set_state"), &json!({ "state": { "type": "RUNNING" } })).body
    };
    assert_eq!(begin(&holds)["status"], "ACCEPT");
    assert_eq!(begin(&waits)["status"], "WAIT");
    assert_eq!(scene.codes(&run), ["running", "tag_limit"]);
    let facts = scene.facts(&run, "tag_limit");
    assert_eq!((&facts["limit"], &facts["slots_taken"]), (&json!(1), &json!(1)));
    assert_eq!(facts["waiting"], json!([{ "kind": "task-run", "id": waits, "name": "waits" }]));
    let holder = &facts["holders"][0];
    assert_eq!((&holder["task_run_id"], &holder["task_run_name"]), (&json!(holds), &json!("holds")));
    assert_eq!((&holder["flow_run_id"], &holder["flow_run_name"]), (&json!(other), &json!("other")));
    assert_eq!(scene.codes(&other), ["running"]);
}

#[test]
fn what_a_role_does_not_show_is_not_named() {
    let scene = Scene::new();
    let run = scene.in_pool("r");
    scene.api.patch("/work_pools/p", &json!({ "is_paused": true })).expect(204);
    let role = json!({ "name": "flows alone of why", "scopes": ["see_flows"] });
    scene.tenant.account.api().post("/workspace_roles/", &role).expect(201);
    let api = scene.tenant.with_key(&scene.tenant.bot("flows alone of why").key).api();
    let why = api.get(&format!("/flow_runs/{run}/why")).expect(200);
    assert_eq!(why["waits_for"], "work_pool_paused");
    let hidden = "What this is about is for those with the scope see_work_pools.";
    assert_eq!((&why["summary"], &why["reasons"][0]["facts"]["about"]), (&json!(hidden), &Value::Null));
    assert_eq!(scene.why(&run)["summary"], "The work pool \"p\" is paused.");
}

#[test]
fn a_run_that_there_is_not() {
    let scene = Scene::new();
    let nil = "00000000-0000-0000-0000-000000000001";
    assert_eq!(scene.api.get(&format!("/flow_runs/{nil}/why")).expect(404)["detail"], "Flow run not found");
}

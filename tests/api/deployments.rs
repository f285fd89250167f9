//! `/deployments/…` beyond what the reference has, and what must hold whoever asks.

use serde_json::{Value, json};
use tests::{Tenant, eventually};

fn deployment(api: &tests::Api, body: Value) -> String {
    let flow = api.post("/flows/", &json!({ "name": "deployed" })).body["id"].clone();
    let mut whole = json!({ "name": "d", "flow_id": flow });
    whole.as_object_mut().expect("an object").extend(body.as_object().expect("an object").clone());
    let made = api.post("/deployments/", &whole).expect(201);
    made["id"].as_str().expect("an id").to_owned()
}

#[test]
fn deployments_are_listed_by_get() {
    let api = Tenant::fresh().api();
    deployment(&api, json!({ "name": "b" }));
    deployment(&api, json!({ "name": "a" }));
    let names = |query: &str| -> Vec<Value> {
        let list = api.get(&format!("/deployments{query}")).expect(200);
        list.as_array().expect("a list").iter().map(|one| one["name"].clone()).collect()
    };
    assert_eq!(names(""), ["a", "b"]);
    assert_eq!(names("/?sort=CREATED_DESC&limit=1"), ["a"]);
    assert_eq!(names("?sort=NAME_DESC&offset=1"), ["a"]);
    api.get("/deployments?limit=201").expect(422);
}

#[test]
fn of_many_who_make_a_run_with_one_key_one_does() {
    let api = Tenant::fresh().api();
    let id = deployment(&api, json!({}));
    let path = format!("/deployments/{id}/create_flow_run");
    let answers: Vec<(u16, Value)> = std::thread::scope(|scope| {
        let create = |n: usize| {
            let answer = api.post(&path, &json!({ "idempotency_key": "once", "name": format!("run-{n}") }));
            (answer.status, answer.body["id"].clone())
        };
        let all: Vec<_> = (0..12).map(|n| scope.spawn(move || create(n))).collect();
        all.into_iter().map(|one| one.join().expect("it answers")).collect()
    });
    assert_eq!(answers.iter().filter(|(status, _)| *status == 201).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|(status, id)| matches!(status, 200 | 201) && *id == answers[0].1), "{answers:?}");
}

#[test]
fn of_many_who_deploy_a_name_at_once_one_makes_it() {
    let api = Tenant::fresh().api();
    let flow = api.post("/flows/", &json!({ "name": "deployed" })).expect(201)["id"].clone();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let create = |n: usize| {
            api.post("/deployments/", &json!({ "name": "race", "flow_id": flow, "version": n.to_string() })).status
        };
        let all: Vec<_> = (0..12).map(|n| scope.spawn(move || create(n))).collect();
        all.into_iter().map(|one| one.join().expect("it answers")).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 201)), "{statuses:?}");
    assert_eq!(api.post("/deployments/count", &json!({})).expect(200), 1);
}

#[test]
fn a_runner_runs_deployments_and_changes_none() {
    let tenant = Tenant::fresh();
    let id = deployment(&tenant.api(), json!({}));
    let path = format!("/deployments/{id}");
    for (role, runs, writes, deletes) in
        [("Viewer", 403, 403, 403), ("Runner", 201, 403, 403), ("Worker", 201, 403, 403), ("Developer", 201, 204, 204)]
    {
        let api = tenant.with_key(&tenant.bot(role).key).api();
        // A grant counts as soon as it is seen.
        eventually(role, || match api.get(&path).status {
            200 => Ok(()),
            status => Err(status.to_string()),
        });
        assert_eq!(api.post(&format!("{path}/create_flow_run"), &json!({})).status, runs, "{role}");
        assert_eq!(api.patch(&path, &json!({ "paused": true })).status, writes, "{role}");
        assert_eq!(api.delete(&path).status, deletes, "{role}");
    }
}

#[test]
fn a_schema_is_never_fetched() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a setting");
    let port = listener.local_addr().expect("an address").port();
    let api = Tenant::fresh().api();
    let schema = json!({ "properties": { "x": { "$ref": format!("http://127.0.0.1:{port}/schema.json") } } });
    let id = deployment(&api, json!({ "parameter_openapi_schema": schema, "enforce_parameter_schema": false }));
    let run = api.post(
        &format!("/deployments/{id}/create_flow_run"),
        &json!({ "parameters": { "x": 1 }, "enforce_parameter_schema": true }),
    );
    assert_eq!(run.status, 409);
    let asked = listener.accept().expect_err("nobody fetched the schema");
    assert_eq!(asked.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn what_parameters_stand_for_counts_as_what_they_say() {
    let api = Tenant::fresh().api();
    let id = deployment(&api, json!({}));
    api.post("/variables/", &json!({ "name": "long", "value": "x".repeat(4900) })).expect(201);
    let stands = |times: usize| {
        let one = json!({ "__prefect_kind": "workspace_variable", "variable_name": "long" });
        json!({ "parameters": { "a": vec![one; times] } })
    };
    let path = format!("/deployments/{id}/create_flow_run");
    let made = api.post(&path, &stands(3)).expect(201);
    assert_eq!(made["parameters"]["a"], json!(vec!["x".repeat(4900); 3]));
    let refused = |body: Value| {
        let detail = api.post(&path, &body).expect(422)["exception_detail"].clone();
        let words = detail[0]["msg"].as_str().and_then(|words| words.split(" (got ").next()).map(str::to_owned);
        (detail[0]["type"].clone(), detail[0]["loc"].clone(), words)
    };
    let plainly = refused(json!({ "parameters": { "a": "x".repeat(600_000) } }));
    assert_eq!(refused(stands(200)), plainly);
    let many = api.post(&format!("{path}/bulk"), &json!([stands(200), {}])).expect(200);
    assert_eq!((&many["results"][0]["status"], &many["results"][1]["status"]), (&json!("FAILED"), &json!("CREATED")));
    let values = stands(200)["parameters"].clone();
    api.post("/ui/schemas/validate", &json!({ "schema": {}, "values": values })).expect(422);
}

#[test]
fn runs_made_in_bulk_share_the_work_of_one_request() {
    let api = Tenant::fresh().api();
    let schema = json!({ "properties": { "a": { "items": { "type": "string" } } } });
    let id = deployment(
        &api,
        json!({ "parameters": { "a": vec![""; 60_000] }, "parameter_openapi_schema": schema, "enforce_parameter_schema": true }),
    );
    let path = format!("/deployments/{id}/create_flow_run");
    api.post(&path, &json!({})).expect(201);
    let many = api.post(&format!("{path}/bulk"), &json!(vec![json!({}); 20])).expect(200);
    let results = many["results"].as_array().expect("a result each");
    assert_eq!((results.len(), &results[0]["status"]), (20, &json!("CREATED")));
    let last = &results[19];
    assert_eq!(last["status"], "FAILED");
    assert!(last["error"].as_str().is_some_and(|why| why.contains("take too much work")), "{last}");
    api.post(&path, &json!({})).expect(201);
}

#[test]
fn a_schema_that_takes_too_much_work_is_refused() {
    let api = Tenant::fresh().api();
    let id = deployment(&api, json!({}));
    let mut definitions = json!({ "d40": { "type": "object" } });
    for at in 0..40 {
        let next = json!({ "$ref": format!("#/definitions/d{}", at + 1) });
        definitions[format!("d{at}")] = json!({ "allOf": [next, next] });
    }
    let schema = json!({ "$ref": "#/definitions/d0", "definitions": definitions });
    let too_much = |answer: Value| assert!(answer.to_string().contains("too much work"), "{answer}");
    too_much(api.post("/ui/schemas/validate", &json!({ "schema": schema, "values": {} })).expect(422));
    let flow = api.post("/flows/", &json!({ "name": "deployed" })).body["id"].clone();
    let enforced =
        json!({ "name": "e", "flow_id": flow, "parameter_openapi_schema": schema, "enforce_parameter_schema": true });
    too_much(api.post("/deployments/", &enforced).expect(422));
    let change = json!({ "parameter_openapi_schema": schema, "enforce_parameter_schema": true });
    too_much(api.patch(&format!("/deployments/{id}"), &change).expect(422));
    let template = json!({ "job_configuration": { "a": "{{ a }}" }, "variables": { "properties": { "a": {} }, "$ref": "#/definitions/d0", "definitions": schema["definitions"] } });
    too_much(api.post("/work_pools/", &json!({ "name": "w", "type": "t", "base_job_template": template })).expect(422));
}

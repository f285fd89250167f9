//! `/artifacts/…`: which artifact of a key is the latest, whatever happens at once; lists by GET.

use serde_json::{Value, json};
use tests::{Api, Server, Tenant, truth};

const ORDERS: [&str; 5] = ["CREATED_DESC", "UPDATED_DESC", "ID_DESC", "KEY_DESC", "KEY_ASC"];

fn ids(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|one| one["id"].as_str()).map(str::to_owned).collect()
}

fn create(api: &Api, artifact: &Value) -> String {
    api.post("/artifacts/", artifact).expect(201)["id"].as_str().expect("an id").to_owned()
}

#[test]
fn artifacts_are_listed_page_by_page_in_every_order() {
    let api = Tenant::fresh().api();
    for n in 0..16 {
        let key = (n % 4 > 0).then(|| format!("key-{}", n % 3));
        create(&api, &json!({ "key": key, "data": n }));
    }
    for sort in ORDERS {
        let whole = ids(&api.get(&format!("/artifacts?sort={sort}")).expect(200));
        let mut known = whole.clone();
        known.sort();
        known.dedup();
        assert_eq!((whole.len(), known.len()), (16, 16), "{sort}");
        let mut pages = Vec::new();
        for page in 0..4 {
            pages.extend(ids(&api.get(&format!("/artifacts/?sort={sort}&limit=5&offset={}", page * 5)).expect(200)));
        }
        assert_eq!(pages, whole, "{sort}");
        let filtered = api.post("/artifacts/filter", &json!({ "sort": sort })).expect(200);
        assert_eq!(ids(&filtered), whole, "{sort}");
        let latest = api.post("/artifacts/latest/filter", &json!({ "sort": sort })).expect(200);
        assert_eq!(latest.as_array().map(Vec::len), Some(3), "{sort}");
    }
}

/// Keys and the artifacts that are left of them: the latest is one of them, and no key is without.
#[track_caller]
fn assert_whole(tenant: &Tenant) {
    let schema = truth::schema_of(Server::shared(), tenant);
    let wrong = Server::shared().database().sql(&format!(
        "select key from {schema}.artifact_latest l where not exists (select from {schema}.artifact a where a.id = l.latest_id and a.key = l.key)
         union all select distinct key from {schema}.artifact a where key is not null and not exists (select from {schema}.artifact_latest l where l.key = a.key)"
    ));
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn of_many_created_at_once_exactly_one_is_the_latest() {
    let tenant = Tenant::fresh();
    let api = tenant.api();
    let made: Vec<String> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..16)
            .map(|n| {
                scope.spawn({
                    let api = &api;
                    move || create(api, &json!({ "key": "race", "data": n }))
                })
            })
            .collect();
        all.into_iter().map(|one| one.join().expect("it answers")).collect()
    });
    let latest = api.post("/artifacts/latest/filter", &json!({})).expect(200);
    assert_eq!(latest.as_array().map(Vec::len), Some(1), "{latest}");
    assert!(made.iter().any(|id| latest[0]["latest_id"] == json!(id)), "{latest}");
    let versions = json!({ "artifacts": { "key": { "any_": ["race"] } } });
    assert_eq!(api.post("/artifacts/count", &versions).expect(200), json!(16));
    assert_whole(&tenant);
}

#[test]
fn creates_changes_and_deletes_at_once_leave_every_key_with_its_latest() {
    let tenant = Tenant::fresh();
    let api = tenant.api();
    std::thread::scope(|scope| {
        for worker in 0..6 {
            let api = &api;
            scope.spawn(move || {
                for n in 0..20 {
                    let id = create(api, &json!({ "key": format!("key-{}", n % 2), "data": worker }));
                    let changed = api.patch(&format!("/artifacts/{id}"), &json!({ "data": n })).status;
                    assert_eq!(changed, 204);
                    if (n + worker) % 3 > 0 {
                        assert_eq!(api.delete(&format!("/artifacts/{id}")).status, 204);
                    }
                }
            });
        }
    });
    assert_whole(&tenant);
}

#[test]
fn what_goes_with_a_run_gives_the_key_back_to_the_version_before() {
    let tenant = Tenant::fresh();
    let api = tenant.api();
    let flow = api.post("/flows/", &json!({ "name": "f" })).expect(201)["id"].clone();
    let run = || api.post("/flow_runs/", &json!({ "flow_id": flow })).expect(201)["id"].clone();
    let task = |run: &Value| {
        let task = json!({ "flow_run_id": run, "task_key": "t", "dynamic_key": "0" });
        api.post("/task_runs/", &task).expect(201)["id"].clone()
    };
    let first = create(&api, &json!({ "key": "k" }));
    let (one, two, three) = (run(), run(), run());
    let of_task = task(&one);
    let versions = [
        create(&api, &json!({ "key": "k", "flow_run_id": three })),
        create(&api, &json!({ "key": "k", "flow_run_id": two })),
        create(&api, &json!({ "key": "k", "flow_run_id": one, "task_run_id": of_task })),
    ];
    create(&api, &json!({ "key": "only", "flow_run_id": one }));
    let latest = |key: &str| {
        let filter = json!({ "artifacts": { "key": { "any_": [key] } } });
        let found = api.post("/artifacts/latest/filter", &filter).expect(200);
        found.get(0).map(|latest| latest["latest_id"].as_str().expect("an id").to_owned())
    };
    let path = |of: &str, id: &Value| format!("/{of}/{}", id.as_str().expect("an id"));
    assert_eq!(latest("k").as_ref(), Some(&versions[2]));
    api.delete(&path("task_runs", &of_task)).expect(204);
    assert_eq!(latest("k").as_ref(), Some(&versions[1]));
    api.delete(&path("flow_runs", &one)).expect(204);
    assert_eq!((latest("only"), latest("k").as_ref()), (None, Some(&versions[1])));
    api.post("/flow_runs/bulk_delete", &json!({ "flow_runs": { "id": { "any_": [two] } } })).expect(200);
    assert_eq!(latest("k").as_ref(), Some(&versions[0]));
    api.delete(&path("flows", &flow)).expect(204);
    assert_eq!(latest("k").as_ref(), Some(&first));
    api.delete(&format!("/artifacts/{first}")).expect(204);
    assert_eq!((latest("k"), api.get("/artifacts/k/latest").status), (None, 404));
    assert_whole(&tenant);
}

/// A result that names a key is a version of it, as an artifact that was sent is.
#[test]
fn a_result_with_a_key_is_the_latest_of_it() {
    let api = Tenant::fresh().api();
    let flow = api.post("/flows/", &json!({ "name": "f" })).expect(201)["id"].clone();
    create(&api, &json!({ "key": "result-key", "data": 1 }));
    let data = json!({ "type": "reference", "artifact_key": "result-key", "artifact_type": "table", "n": 2 });
    let state = json!({ "type": "COMPLETED", "data": data });
    let run = api.post("/flow_runs/", &json!({ "flow_id": flow, "state": { "type": "RUNNING" } })).expect(201);
    let path = format!("/flow_runs/{}/set_state", run["id"].as_str().expect("an id"));
    api.post(&path, &json!({ "state": state })).expect(201);
    let latest = api.get("/artifacts/result-key/latest").expect(200);
    assert_eq!((&latest["flow_run_id"], &latest["type"]), (&run["id"], &json!("table")), "{latest}");
    let count = api.post("/artifacts/latest/count", &json!({})).expect(200);
    assert_eq!(count, json!(1));
}

//! `/variables/…` beyond what the reference has: lists by GET, PUT by name.

use serde_json::{Value, json};
use tests::{Tenant, eventually};

#[test]
fn variables_are_listed_by_get_in_every_order() {
    let api = Tenant::fresh().api();
    for name in ["b", "a", "c"] {
        api.post("/variables/", &json!({ "name": name, "value": name })).expect(201);
    }
    api.patch("/variables/name/a", &json!({ "value": "changed" })).expect(204);
    let names = |query: &str| -> Vec<Value> {
        let list = api.get(&format!("/variables{query}")).expect(200);
        list.as_array().expect("a list").iter().map(|variable| variable["name"].clone()).collect()
    };
    for (sort, order) in [
        ("NAME_ASC", ["a", "b", "c"]),
        ("NAME_DESC", ["c", "b", "a"]),
        ("CREATED_DESC", ["c", "a", "b"]),
        ("UPDATED_DESC", ["a", "c", "b"]),
    ] {
        assert_eq!(names(&format!("?sort={sort}")), order, "{sort}");
        assert_eq!(names(&format!("/?sort={sort}&limit=1&offset=1")), order[1..2], "{sort}");
    }
    assert_eq!(names(""), ["a", "b", "c"]);
    let refused = api.get("/variables?limit=201").expect(422);
    assert_eq!(refused["detail"], "Invalid limit: must be less than or equal to 200.");
}

#[test]
fn put_makes_a_variable_what_it_is_to_be() {
    let api = Tenant::fresh().api();
    let made = api.put("/variables/name/v", &json!({ "value": { "a": 1 }, "tags": ["t"] })).expect(201);
    assert_eq!((&made["name"], &made["value"], &made["tags"]), (&json!("v"), &json!({ "a": 1 }), &json!(["t"])));
    let replaced = api.put("/variables/name/v", &json!({ "value": null })).expect(200);
    assert_eq!((&replaced["id"], &replaced["value"], &replaced["tags"]), (&made["id"], &Value::Null, &json!([])));
    assert_eq!(api.get("/variables/name/v").expect(200), replaced);

    api.put("/variables/name/v", &json!({})).expect(422);
    api.put("/variables/name/v", &json!({ "value": 1, "name": "w" })).expect(422);
    let refused = api.put("/variables/name/NO", &json!({ "value": 1 })).expect(422);
    assert_eq!(refused["exception_detail"][0]["loc"], json!(["path", "name"]));
}

#[test]
fn of_many_who_create_a_name_at_once_one_does() {
    let api = Tenant::fresh().api();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let create = |n: usize| api.post("/variables/", &json!({ "name": "race", "value": n })).status;
        let all: Vec<_> = (0..16).map(|n| scope.spawn(move || create(n))).collect();
        all.into_iter().map(|one| one.join().expect("it answers")).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 201 | 409)), "{statuses:?}");
}

#[test]
fn a_worker_reads_variables_and_a_viewer_changes_none() {
    let tenant = Tenant::fresh();
    tenant.api().post("/variables/", &json!({ "name": "v", "value": 1 })).expect(201);
    for (role, writes, deletes) in [("Worker", 403, 403), ("Viewer", 403, 403), ("Developer", 204, 204)] {
        let api = tenant.with_key(&tenant.bot(role).key).api();
        // A grant counts as soon as it is seen.
        eventually(role, || match api.get("/variables/name/v").status {
            200 => Ok(()),
            status => Err(status.to_string()),
        });
        assert_eq!(api.patch("/variables/name/v", &json!({ "value": 2 })).status, writes, "{role}");
        assert_eq!(api.delete("/variables/name/v").status, deletes, "{role}");
    }
}

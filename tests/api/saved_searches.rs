//! `/saved_searches/…` beyond what the reference has: lists by GET.

use serde_json::{Value, json};
use tests::Tenant;

#[test]
fn saved_searches_are_listed_by_get() {
    let api = Tenant::fresh().api();
    for name in ["b", "a", "c"] {
        api.put("/saved_searches/", &json!({ "name": name })).expect(201);
    }
    let names = |query: &str| -> Vec<Value> {
        let list = api.get(&format!("/saved_searches{query}")).expect(200);
        list.as_array().expect("a list").iter().map(|search| search["name"].clone()).collect()
    };
    assert_eq!(names(""), ["a", "b", "c"]);
    assert_eq!(names("/?sort=NAME_DESC&limit=2"), ["c", "b"]);
    assert_eq!(names("?offset=2"), ["c"]);
    api.get("/saved_searches?sort=CREATED_DESC").expect(422);
}

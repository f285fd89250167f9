//! Pages of events, followed to their end.

use std::collections::HashSet;

use serde_json::{Value, json};
use tests::Tenant;

use super::{event, now};

fn ids(page: &Value) -> Vec<String> {
    let events = page["events"].as_array().expect("a page of events");
    events.iter().map(|event| event["id"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn pages_are_followed_by_their_address_while_more_events_come() {
    let tenant = Tenant::fresh();
    let api = tenant.api();
    let some: Vec<Value> = (0..7).map(|n| event("page.test", &format!("thing.{n}"))).collect();
    api.post("/events", &json!(some)).expect(204);
    for (order, distinct) in [("ASC", false), ("DESC", false), ("ASC", true), ("DESC", true)] {
        let filter = json!({"event": {"name": ["page.test"]}, "order": order, "resource": {"distinct": distinct}});
        let mut page = api.post("/events/filter", &json!({"filter": filter, "limit": 3})).expect(200);
        let mut seen = ids(&page);
        let mut pages = 1;
        while let Some(next) = page["next_page"].as_str() {
            // What comes meanwhile is later than the query.
            let mut late = event("page.test", "thing.late");
            late["occurred"] = json!(now() + 60.0);
            api.post("/events", &json!([late])).expect(204);
            assert!(next.starts_with(&format!("{}/events/filter/next?page-token=", tenant.api_url())), "{next}");
            page = api.at("").get(next).expect(200);
            seen.extend(ids(&page));
            pages += 1;
        }
        let total = page["total"].as_u64().expect("a total") as usize;
        assert_eq!((seen.len(), seen.iter().collect::<HashSet<_>>().len()), (total, total), "{order} {distinct}");
        assert_eq!(pages, total.div_ceil(3), "{order} {distinct}");
    }
}

/// A prefix is looked up as the names that begin with it, unless they are many.
#[test]
fn what_is_counted_by_the_beginnings_of_names_is_what_is_listed() {
    let api = Tenant::fresh().api();
    let named = |names: &[String]| json!(names.iter().map(|name| event(name, "thing")).collect::<Vec<_>>());
    let few = ["few.a", "few.b", "few.b", "few", "fewer.a", "few.", "few/a", "fe"].map(str::to_owned);
    let many: Vec<String> = (0..600).map(|n| format!("many.{n}")).collect();
    api.post("/events", &named(&few)).expect(204);
    api.post("/events", &named(&many)).expect(204);
    for (names, expected) in [
        (json!({"prefix": ["few."]}), 4),
        (json!({"prefix": ["few"]}), 7),
        (json!({"prefix": ["few.", "few.b", "fewer."]}), 5),
        (json!({"prefix": ["few."], "name": ["few.a", "many.1"]}), 1),
        (json!({"prefix": ["few."], "name": ["many.1"]}), 0),
        (json!({"prefix": ["few."], "name": []}), 4),
        (json!({"prefix": ["few"], "exclude_prefix": ["few."]}), 3),
        (json!({"prefix": ["few."], "exclude_name": ["few.b"]}), 2),
        (json!({"prefix": ["many.", "few."]}), 604),
        (json!({"prefix": ["many.59"]}), 11),
        (json!({"prefix": ["none."]}), 0),
        (json!({"prefix": [""]}), 608),
    ] {
        let filter = json!({"event": names});
        let page = api.post("/events/filter", &json!({"filter": filter, "limit": 50})).expect(200);
        assert_eq!(page["total"], expected, "{names}");
        let mut listed = ids(&page).len();
        let mut next = page["next_page"].clone();
        while let Some(address) = next.as_str() {
            let page = api.at("").get(address).expect(200);
            listed += ids(&page).len();
            next = page["next_page"].clone();
        }
        assert_eq!(json!(listed), expected, "{names}");
        for countable in ["event", "time"] {
            let ask = json!({"filter": filter, "time_unit": "week"});
            let counts = api.post(&format!("/events/count-by/{countable}"), &ask).expect(200);
            let counts =
                counts.as_array().expect("counts").iter().map(|count| count["count"].as_i64().expect("a count"));
            assert_eq!(json!(counts.sum::<i64>()), expected, "{names} by {countable}");
        }
    }
}

#[test]
fn a_page_is_of_the_workspace_that_is_asked_whatever_the_token_says() {
    let (mine, other) = (Tenant::fresh(), Tenant::fresh());
    let some: Vec<Value> = (0..3).map(|n| event("page.test", &format!("thing.{n}"))).collect();
    mine.api().post("/events", &json!(some)).expect(204);
    let page = mine.api().post("/events/filter", &json!({"limit": 1, "filter": {"event": {"name": ["page.test"]}}}));
    let page = page.expect(200);
    let next = page["next_page"].as_str().expect("more");
    let token = next.split_once("page-token=").expect("a token").1;
    let elsewhere = other.api().get(&format!("/events/filter/next?page-token={token}")).expect(200);
    assert_eq!(elsewhere["events"], json!([]));
}

#[test]
fn a_change_and_what_is_told_of_it_are_committed_together() {
    let api = Tenant::fresh().api();
    let told = || {
        let filter = json!({"event": {"prefix": ["prefect.variable."]}, "order": "ASC"});
        let page = api.post("/events/filter", &json!({ "filter": filter })).expect(200);
        page["events"].as_array().expect("events").clone()
    };
    let made = api.put("/variables/name/v", &json!({"value": 1})).expect(201);
    // At once: there is no moment at which the one is there and the other is not.
    assert_eq!(told().len(), 1);
    api.post("/variables/", &json!({"name": "v", "value": 1})).expect(409);
    api.put("/variables/name/v", &json!({"value": 2})).expect(200);
    api.delete("/variables/name/v").expect(204);
    let told = told();
    let names: Vec<&Value> = told.iter().map(|event| &event["event"]).collect();
    assert_eq!(names, ["prefect.variable.created", "prefect.variable.updated", "prefect.variable.deleted"]);
    assert_eq!(told[0]["occurred"], made["created"], "the event has the time of its transaction");
    assert_eq!(told[1]["payload"]["value"], 2);
}

#[test]
fn a_filter_that_holds_too_much_is_refused() {
    let api = Tenant::fresh().api();
    let labels: serde_json::Map<String, Value> = (0..20_000).map(|n| (format!("l{n}"), json!("v"))).collect();
    let filter = json!({"resource": {"labels": labels}});
    for (path, body) in
        [("/events/filter", json!({"filter": filter})), ("/events/count-by/event", json!({"filter": filter}))]
    {
        let told = api.post(path, &body).expect(422);
        assert!(told.to_string().contains("A filter may hold 2000 names and values, not 40002"), "{path}");
    }
    // As much as there may be is answered.
    let labels: serde_json::Map<String, Value> = (0..900).map(|n| (format!("l{n}"), json!("v*"))).collect();
    api.post("/events/filter", &json!({"filter": {"resource": {"labels": labels}}})).expect(200);
}

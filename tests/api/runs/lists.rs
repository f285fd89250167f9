//! Lists of runs: the collections by GET, orders that hold from page to page.

use serde_json::{Value, json};
use tests::{Account, Api, Server};

const FLOW_RUN_ORDERS: [&str; 9] = [
    "ID_DESC",
    "START_TIME_ASC",
    "START_TIME_DESC",
    "EXPECTED_START_TIME_ASC",
    "EXPECTED_START_TIME_DESC",
    "NAME_ASC",
    "NAME_DESC",
    "NEXT_SCHEDULED_START_TIME_ASC",
    "END_TIME_DESC",
];
const TASK_RUN_ORDERS: [&str; 9] = [
    "ID_DESC",
    "EXPECTED_START_TIME_ASC",
    "EXPECTED_START_TIME_DESC",
    "NAME_ASC",
    "NAME_DESC",
    "NEXT_SCHEDULED_START_TIME_ASC",
    "END_TIME_DESC",
    "DURATION_DESC",
    "DURATION_ASC",
];

/// A workspace with runs in every kind of state, of which many share a name and none an order.
fn workspace() -> Api {
    let api = Account::create(Server::shared()).workspace().api();
    let flow = api.post("/flows/", &json!({ "name": "f" })).expect(201)["id"].clone();
    let states = ["SCHEDULED", "PENDING", "RUNNING", "COMPLETED", "FAILED", "PAUSED", "CRASHED", "CANCELLED"];
    let mut first = Value::Null;
    for n in 0..16 {
        let state = match states[n % 8] {
            "SCHEDULED" => {
                let due = format!("2030-01-01T00:00:{:02}Z", n % 3);
                json!({ "type": "SCHEDULED", "state_details": { "scheduled_time": due } })
            }
            type_ => json!({ "type": type_ }),
        };
        let name = format!("run {}", n % 3);
        let run = api.post("/flow_runs/", &json!({ "flow_id": flow, "name": name, "state": state })).expect(201);
        if n == 2 {
            first = run["id"].clone();
        }
    }
    for n in 0..16 {
        let body = json!({
            "flow_run_id": first, "task_key": "t", "dynamic_key": n.to_string(), "name": format!("task {}", n % 3),
            "state": { "type": states[n % 8] },
        });
        api.post("/task_runs/", &body).expect(201);
    }
    api
}

fn ids(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|run| run["id"].as_str()).map(str::to_owned).collect()
}

#[test]
fn every_run_is_on_one_page_in_every_order() {
    let api = workspace();
    for (collection, orders) in [("flow_runs", FLOW_RUN_ORDERS), ("task_runs", TASK_RUN_ORDERS)] {
        for sort in orders {
            let whole = ids(&api.post(&format!("/{collection}/filter"), &json!({ "sort": sort })).expect(200));
            let mut sorted = whole.clone();
            sorted.sort();
            sorted.dedup();
            assert_eq!((whole.len(), sorted.len()), (16, 16), "{collection} {sort}");

            let mut by_offset = Vec::new();
            let mut by_page = Vec::new();
            for page in 0..4 {
                let body = json!({ "sort": sort, "limit": 5, "offset": page * 5 });
                by_offset.extend(ids(&api.post(&format!("/{collection}/filter"), &body).expect(200)));
                let body = json!({ "sort": sort, "limit": 5, "page": page + 1 });
                let answer = api.post(&format!("/{collection}/paginate"), &body).expect(200);
                assert_eq!((&answer["count"], &answer["pages"]), (&json!(16), &json!(4)));
                by_page.extend(ids(&answer["results"]));
            }
            // How long a run has run changes while it runs, so two pages of that order need not be of one moment.
            let (mut by_offset_sorted, mut by_page_sorted) = (by_offset.clone(), by_page.clone());
            by_offset_sorted.sort();
            by_page_sorted.sort();
            assert_eq!((&by_offset_sorted, &by_page_sorted), (&sorted, &sorted), "{collection} {sort}");
            if !sort.starts_with("DURATION") {
                assert_eq!((&by_offset, &by_page), (&whole, &whole), "{collection} {sort}");
            }
        }
    }
}

#[test]
fn collections_are_listed_by_get() {
    let api = workspace();
    for (collection, orders) in [("flow_runs", FLOW_RUN_ORDERS), ("task_runs", TASK_RUN_ORDERS)] {
        for sort in orders.into_iter().filter(|sort| !sort.starts_with("DURATION")) {
            let listed = ids(&api.get(&format!("/{collection}?sort={sort}&limit=7&offset=3")).expect(200));
            let body = json!({ "sort": sort, "limit": 7, "offset": 3 });
            assert_eq!(
                listed,
                ids(&api.post(&format!("/{collection}/filter"), &body).expect(200)),
                "{collection} {sort}"
            );
        }
        assert_eq!(ids(&api.get(&format!("/{collection}/")).expect(200)).len(), 16);
        let refused = api.get(&format!("/{collection}?limit=201")).expect(422);
        assert_eq!(refused["detail"], "Invalid limit: must be less than or equal to 200.");
        let refused = api.get(&format!("/{collection}?sort=SIDEWAYS&offset=-1")).expect(422);
        let told: Vec<&Value> =
            refused["exception_detail"].as_array().into_iter().flatten().map(|e| &e["loc"]).collect();
        assert_eq!(told, [&json!(["query", "offset"]), &json!(["query", "sort"])]);
    }
    let flows = api.get("/flows?limit=1&sort=NAME_DESC").expect(200);
    assert_eq!(flows[0]["name"], "f");
}

#[test]
fn runs_without_the_time_of_an_order_come_last() {
    let api = workspace();
    for collection in ["flow_runs", "task_runs"] {
        for (sort, time) in
            [("END_TIME_DESC", "end_time"), ("NEXT_SCHEDULED_START_TIME_ASC", "next_scheduled_start_time")]
        {
            let list = api.get(&format!("/{collection}?sort={sort}")).expect(200);
            let times: Vec<bool> = list.as_array().into_iter().flatten().map(|run| run[time].is_null()).collect();
            assert!(times.iter().any(|null| !null) && times.is_sorted(), "{collection} {sort}: {times:?}");
        }
    }
}

#[test]
fn task_runs_are_sorted_by_how_long_they_ran_until_now() {
    let api = workspace();
    for (sort, ascending) in [("DURATION_ASC", true), ("DURATION_DESC", false)] {
        let list = api.get(&format!("/task_runs?sort={sort}")).expect(200);
        let mut seconds: Vec<f64> =
            list.as_array().into_iter().flatten().filter_map(|run| run["estimated_run_time"].as_f64()).collect();
        if !ascending {
            seconds.reverse();
        }
        assert!(seconds.len() == 16 && seconds.is_sorted(), "{sort}: {seconds:?}");
        assert!(seconds[15] > 0.0, "two of them run");
    }
}

#[test]
fn a_filter_by_name_finds_the_runs_of_flows_that_are_many() {
    let api = workspace();
    // More flows than are looked up before their runs are asked for.
    for n in 0..101 {
        api.post("/flows/", &json!({ "name": format!("other {n}") })).expect(201);
    }
    for (like, count) in [("f", 16), ("other", 0), ("none", 0)] {
        let body = json!({ "flows": { "name": { "like_": like } } });
        for collection in ["flow_runs", "task_runs"] {
            assert_eq!(
                api.post(&format!("/{collection}/count"), &body).expect(200),
                json!(count),
                "{collection} {like}"
            );
        }
    }
    let body = json!({ "flows": {} });
    assert_eq!(api.post("/flow_runs/count", &body).expect(200), json!(16));
}

/// The reference says nothing of it, and Postgres refuses it.
#[test]
fn a_negative_number_of_inputs_is_refused_by_name() {
    let api = workspace();
    let run = api.post("/flow_runs/filter", &json!({ "limit": 1 })).expect(200)[0]["id"].clone();
    let path = format!("/flow_runs/{}/input/filter", run.as_str().expect("an id"));
    let refused = api.post(&path, &json!({ "prefix": "k", "limit": -1 })).expect(422);
    assert!(refused.to_string().contains("limit"), "{refused}");
    assert_eq!(api.post(&path, &json!({ "prefix": "k", "limit": 0 })).expect(200), json!([]));
}

//! What an account is told of its use: by the minute, by who asked, over all replicas.

use serde_json::{Value, json};
use tests::{Account, Redis, Server, Tenant, eventually};

use crate::{create, put_on_plan, until_refused};

/// The sum over all minutes.
fn sum(numbers: &Value) -> u64 {
    numbers.as_array().expect("one number a minute").iter().filter_map(Value::as_u64).sum()
}

fn lines(tenant: &Tenant, count: usize) {
    let line = json!({"name": "a", "level": 20, "message": "m", "timestamp": "2030-01-01T00:00:00Z"});
    tenant.api().post("/logs/", &Value::from(vec![line; count])).expect(201);
}

fn flows(tenant: &Tenant, count: usize) {
    (0..count).for_each(|_| drop(create(&tenant.api()).expect(201)));
}

#[test]
fn usage_is_told_by_the_minute() {
    let server = Server::shared();
    let account = Account::create(server);
    let tenant = account.workspace();
    lines(&tenant, 7);
    flows(&tenant, 3);
    let usage = account.api().get("/rate-limits/usage").expect(200);
    let minutes = usage["minutes"].as_array().map_or(0, Vec::len);
    assert_eq!((minutes, &usage["account"], &usage["complete"]), (60, &json!(account.id), &json!(true)));
    let of = |bucket: &str, what: &str| {
        assert_eq!(usage["keys"][bucket][what].as_array().map(Vec::len), Some(minutes));
        sum(&usage["keys"][bucket][what])
    };
    assert_eq!((of("logs-and-events", "requested"), of("logs-and-events", "granted")), (7, 7));
    assert_eq!(of("orchestration-api", "granted"), 4, "a workspace and three flows");
    let names = |query: &str| {
        let keys = account.api().get(&format!("/rate-limits/usage?{query}")).expect(200)["keys"].clone();
        keys.as_object().map(|keys| keys.keys().cloned().collect::<Vec<_>>())
    };
    assert_eq!(names("keys=orchestration-api"), Some(vec!["orchestration-api".to_owned()]));
    assert_eq!(names("keys=orchestration-api&keys=logs-and-events&keys=flows").map(|keys| keys.len()), Some(2));
    assert_eq!(account.api().get("/rate-limits/usage?since=2030-01-01T00:00:00Z").status, 422);
}

#[test]
fn usage_can_be_downloaded() {
    let account = Account::create(Server::shared());
    lines(&account.workspace(), 5);
    let answer = account.api().get("/rate-limits/usage/download");
    assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8"));
    let text = answer.expect(200);
    let rows: Vec<&str> = text.as_str().expect("text").lines().collect();
    assert_eq!((rows.len(), rows[0]), (1 + 2 * 60, "minute,bucket,requested,granted,limit"));
    assert!(rows.iter().any(|row| row.ends_with("Z,logs-and-events,5,5,")), "{rows:?}");
}

#[test]
fn usage_is_told_by_who_asked() {
    let account = Account::create(Server::shared());
    let (one, two) = (account.workspace(), account.workspace());
    let bot = one.bot("Developer");
    flows(&one, 2);
    flows(&one.with_key(&bot.key), 3);
    flows(&two, 4);
    let groups = |query: &str| {
        let answer = account.api().get(&format!("/rate-limits/orchestration-api?{query}")).expect(200);
        let groups = answer["groups"].as_object().cloned().unwrap_or_default();
        groups.into_iter().map(|(name, series)| (name, sum(&series["granted"]))).collect::<Vec<_>>()
    };
    let of = |found: &[(String, u64)], name: &str| found.iter().find(|(group, _)| group == name).map(|(_, sum)| *sum);
    let by_workspace = groups("group_by=workspace_id");
    assert!(of(&by_workspace, &one.workspace_id) >= Some(5), "{by_workspace:?}");
    assert_eq!(of(&by_workspace, &two.workspace_id), Some(4));
    assert!(of(&by_workspace, "others").is_some(), "making workspaces is above them: {by_workspace:?}");
    let by_actor = groups("group_by=actor_name");
    assert_eq!(of(&by_actor, &bot.name), Some(3), "{by_actor:?}");
    assert_eq!(groups(&format!("actor_name={}&workspace_id={}", bot.name, one.workspace_id)), [("all".to_owned(), 3)]);
    assert_eq!(groups(&format!("actor_name={}&workspace_id={}", bot.name, two.workspace_id)), []);
    let by_key = groups("group_by=api_key_name&api_key_name=tests");
    assert_eq!(by_key.len(), 1, "{by_key:?}");
    assert_eq!(account.api().get("/rate-limits/orchestration-api?group_by=colour").status, 422);
    lines(&two, 6);
    let events = account.api().get("/rate-limits/events?group_by=workspace_id").expect(200);
    assert_eq!(sum(&events["groups"][&two.workspace_id]["requested"]), 6);

    let names = |path: &str| account.api().get(&format!("/rate-limits/{path}")).expect(200)["values"].clone();
    assert_eq!(names("api-key-names?search=TEST"), json!(["tests"]));
    assert_eq!(names(&format!("actor-names?search={}", bot.name)), json!([bot.name]));
    assert_eq!(names(&format!("actor-names?search={}&keys=logs-and-events", bot.name)), json!([]), "it wrote no lines");
    assert_eq!(names("actor-names?limit=1").as_array().map(Vec::len), Some(1));
}

#[test]
fn a_member_is_told_of_what_is_open_to_it() {
    let account = Account::create(Server::shared());
    let (open, closed) = (account.workspace(), account.workspace());
    let bot = open.bot("Developer");
    flows(&open, 2);
    flows(&open.with_key(&bot.key), 3);
    flows(&closed, 4);
    let member = account.api().with_key(Some(&bot.key));
    let groups = |by: &str| {
        let path = format!("/rate-limits/orchestration-api?group_by={by}");
        member.get(&path).expect(200)["groups"].as_object().cloned().unwrap_or_default()
    };
    let by_workspace = groups("workspace_id");
    assert!(by_workspace.contains_key(&open.workspace_id) && !by_workspace.contains_key(&closed.workspace_id));
    assert!(sum(&by_workspace["others"]["granted"]) >= 4, "{by_workspace:?}");
    assert!(!groups("api_key_name").contains_key("tests"), "another's key");
    assert_eq!(member.get("/rate-limits/api-key-names?search=tests").expect(200)["values"], json!([]));
    let path = format!("/rate-limits/orchestration-api?workspace_id={}", closed.workspace_id);
    assert_eq!(member.get(&path).expect(200)["groups"], json!({}));

    let part = |tenant: &Tenant| json!({"workspace_id": tenant.workspace_id, "rate_limit_percentage": 20});
    let shares = json!({"allocations": [part(&open), part(&closed)]});
    account.api().put("/rate-limit-allocations/", &shares).expect(200);
    assert_eq!(account.api().get("/rate-limit-allocations/").expect(200).as_array().map(Vec::len), Some(2));
    let seen = member.get("/rate-limit-allocations/").expect(200);
    assert_eq!((seen.as_array().map(Vec::len), &seen[0]["workspace_id"]), (Some(1), &json!(open.workspace_id)));
    let twice = json!({"allocations": [part(&open), part(&open)]});
    let refused = account.api().put("/rate-limit-allocations/", &twice);
    assert_eq!((refused.status, &refused.body["detail"]), (422, &json!("A workspace is named twice.")));
}

#[test]
fn usage_is_of_all_replicas_and_of_one_while_redis_is_away() {
    let mut redis = Redis::start();
    let one = Server::builder().redis(&redis).start();
    let two = Server::builder().database(one.database()).redis(&redis).start();
    let account = Account::create(&one);
    let tenant = account.workspace();
    let elsewhere = tenant.at(&two);
    let own = account.api();
    let apis = [own.clone(), own.at(&own.base().replace(one.url(), two.url()))];
    flows(&tenant, 3);
    flows(&elsewhere, 5);
    let told = || {
        apis.each_ref().map(|api| {
            let usage = api.get("/rate-limits/usage").expect(200);
            (sum(&usage["keys"]["orchestration-api"]["granted"]), usage["complete"] == json!(true))
        })
    };
    let all = |expected: [(u64, bool); 2]| {
        eventually("replicas tell", || match told() {
            found if found == expected => Ok(()),
            found => Err(found),
        });
    };
    // The workspace was made at the first.
    all([(9, true), (9, true)]);
    let by_key = apis[1].get("/rate-limits/orchestration-api?group_by=workspace_id").expect(200);
    assert_eq!(sum(&by_key["groups"][&tenant.workspace_id]["granted"]), 8);

    redis.kill9();
    all([(4, false), (5, false)]);
    flows(&elsewhere, 1);
    all([(4, false), (6, false)]);
    // It comes back empty and is told again.
    redis.start_again();
    all([(10, true), (10, true)]);
}

#[test]
fn what_is_used_up_at_one_replica_is_told_by_the_other() {
    let redis = Redis::start();
    let one = Server::builder().redis(&redis).start();
    let two = Server::builder().database(one.database()).redis(&redis).start();
    let account = Account::create(&one);
    let tenant = account.workspace();
    put_on_plan(&one, &account, &["--requests", "10", "--burst-seconds", "60"]);
    let elsewhere = account.api().at(&account.api().base().replace(one.url(), two.url()));
    let exceeded = || elsewhere.get("/rate-limits/status").expect(200)["exceeded_buckets"].clone();
    assert_eq!(exceeded(), json!([]));
    until_refused(|| create(&tenant.api()));
    eventually("the other replica knows", || match exceeded() {
        found if found == json!(["orchestration-api"]) => Ok(()),
        found => Err(found),
    });
}

//! One replica, no Redis.

use serde_json::{Value, json};
use tests::{Account, Server};

use crate::{assert_is_refusal, create, list, put_on_plan, read, until_refused};

#[test]
fn every_answer_says_what_the_limits_are_and_what_is_left() {
    let server = Server::builder().start();
    let account = Account::create(&server);
    let tenant = account.workspace();
    assert!(list(&tenant.api()).header("ratelimit").is_none(), "without a plan there is no limit to tell of");
    put_on_plan(&server, &account, &["--requests", "6000", "--items", "12000"]);
    let nowhere = tenant.api().get("/flows/00000000-0000-0000-0000-000000000000");
    let bot = tenant.bot("Viewer");
    let forbidden = tenant.with_key(&bot.key).api().post("/flows/", &json!({"name": "f"}));
    let invalid = tenant.api().post("/flows/", &json!({}));
    let answers = [list(&tenant.api()), account.api().get("/"), nowhere, forbidden, invalid];
    assert_eq!(answers.each_ref().map(|answer| answer.status), [200, 200, 404, 403, 422]);
    for answer in answers {
        assert_eq!(answer.header("ratelimit-policy"), Some(r#""requests";q=6000;w=60"#));
        let left = answer.header("ratelimit").expect("it says what is left");
        let nearly_all = left.starts_with(r#""requests";r=9"#) && left.ends_with(";t=1");
        // One comes back every ten milliseconds, perhaps before the answer is written.
        assert!(nearly_all || left == r#""requests";r=1000;t=0"#, "of 1,000: {left}");
    }
    let logs = tenant.api().post("/logs/", &json!([]));
    assert_eq!(logs.header("ratelimit-policy"), Some(r#""logs-and-events";q=12000;w=60"#));
}

#[test]
fn lists_are_refused_first_and_state_changes_last() {
    let server = Server::builder().start();
    let account = Account::create(&server);
    let tenant = account.workspace();
    let api = tenant.api();
    // Twenty at once, and one every three seconds.
    put_on_plan(&server, &account, &["--requests", "20", "--burst-seconds", "60"]);
    let (lists, refused) = until_refused(|| list(&api));
    assert!((13..=16).contains(&lists), "70 % of twenty: {lists}");
    assert_is_refusal(&refused, "requests");
    assert_eq!(refused.body["detail"], "Orchestration API rate limit reached");
    let answer = read(&api);
    assert_eq!(answer.status, 404, "a read still passes: {}", answer.body);
    let mut reads = 1;
    while read(&api).status == 404 {
        reads += 1;
    }
    assert!(reads <= 6, "{reads}");
    assert_eq!(create(&api).status, 201, "a write passes where a read does not");
    let (_, refused) = until_refused(|| create(&api));
    assert_is_refusal(&refused, "requests");
    let status = account.api().get("/rate-limits/status").expect(200);
    assert_eq!(status["exceeded_buckets"], json!(["orchestration-api"]), "and this can still be asked");
    assert_eq!(account.workspace_status(), 429, "what is asked of the account counts, too");
}

trait Workspace {
    fn workspace_status(&self) -> u16;
}

impl Workspace for Account {
    fn workspace_status(&self) -> u16 {
        self.api().post("/workspaces/filter", &json!({})).status
    }
}

#[test]
fn log_lines_are_counted_one_by_one_and_a_large_batch_passes() {
    let server = Server::builder().start();
    let account = Account::create(&server);
    let tenant = account.workspace();
    put_on_plan(&server, &account, &["--items", "20", "--burst-seconds", "60"]);
    let write = |lines: usize| {
        let line = json!({"name": "a", "level": 20, "message": "x, [y]", "timestamp": "2030-01-01T00:00:00Z"});
        tenant.api().post("/logs/", &Value::from(vec![line; lines]))
    };
    assert_eq!((write(10).status, write(4).status), (201, 201));
    let refused = write(10);
    assert_is_refusal(&refused, "logs-and-events");
    assert_eq!(refused.body["detail"], "Logs and events rate limit reached");
    assert_eq!(list(&tenant.api()).status, 200, "requests have a bucket of their own, here without a limit");
    let stored = tenant.api().post("/logs/filter", &json!({})).expect(200);
    assert_eq!(stored.as_array().map(Vec::len), Some(14), "what was refused is not stored");

    let other = Account::create(&server);
    let large = other.workspace();
    put_on_plan(&server, &other, &["--items", "20", "--burst-seconds", "60"]);
    let line = json!({"name": "a", "level": 20, "message": "m", "timestamp": "2030-01-01T00:00:00Z"});
    let all = large.api().post("/logs/", &Value::from(vec![line.clone(); 100]));
    assert_eq!(all.status, 201, "larger than the burst, it could never pass: {}", all.body);
    assert_is_refusal(&large.api().post("/logs/", &json!([line])), "logs-and-events");
}

#[test]
fn a_key_may_have_a_limit_of_its_own() {
    let server = Server::builder().start();
    let account = Account::create(&server);
    let tenant = account.workspace();
    let bot = tenant.bot("Developer");
    put_on_plan(&server, &account, &["--requests-of-a-key", "10", "--burst-seconds", "60"]);
    let (_, refused) = until_refused(|| create(&tenant.with_key(&bot.key).api()));
    assert_is_refusal(&refused, "requests-of-key");
    assert_eq!(create(&tenant.api()).status, 201, "another key of the same workspace");
}

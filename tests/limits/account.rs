//! What an account learns of its limits, and how it shares them out.

use serde_json::json;
use tests::{Account, Server};

use crate::{assert_is_refusal, create, put_on_plan, until_refused};

#[test]
fn a_workspace_cannot_use_up_what_is_allotted_to_another() {
    let server = Server::builder().start();
    let account = Account::create(&server);
    let (loud, quiet) = (account.workspace(), account.workspace());
    let parts = json!({"allocations": [{"workspace_id": quiet.workspace_id, "rate_limit_percentage": 50}]});
    let given = account.api().put("/rate-limit-allocations/", &parts).expect(200);
    assert_eq!(
        (&given[0]["workspace_id"], &given[0]["rate_limit_percentage"]),
        (&json!(quiet.workspace_id), &json!(50))
    );
    assert_eq!(account.api().get("/rate-limit-allocations/").expect(200), given);
    put_on_plan(&server, &account, &["--requests", "40", "--burst-seconds", "60"]);
    let (count, refused) = until_refused(|| create(&loud.api()));
    assert!((15..=22).contains(&count), "half of forty: {count}");
    assert_is_refusal(&refused, "requests-of-workspace");
    let answer = create(&quiet.api());
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.header("ratelimit-policy"), Some(r#""requests";q=40;w=60, "requests-of-workspace";q=20;w=60"#));
}

#[test]
fn allocations_are_checked() {
    let server = Server::shared();
    let (account, other) = (Account::create(server), Account::create(server));
    let (mine, foreign) = (account.workspace(), other.workspace());
    let put = |parts: &[(&str, i64)]| {
        let part = |(id, percent): &(&str, i64)| json!({"workspace_id": id, "rate_limit_percentage": percent});
        account
            .api()
            .put("/rate-limit-allocations/", &json!({"allocations": parts.iter().map(part).collect::<Vec<_>>()}))
    };
    assert_eq!(put(&[(&mine.workspace_id, 101)]).status, 422);
    assert_eq!(put(&[(&mine.workspace_id, 60), (&account.workspace().workspace_id, 60)]).status, 422);
    assert_eq!(put(&[(&foreign.workspace_id, 10)]).status, 409);
    assert_eq!(put(&[(&mine.workspace_id, 100)]).status, 200);
    assert_eq!(put(&[]).expect(200), json!([]), "those that are not named lose theirs");
}

#[test]
fn plans_are_rows_that_the_shell_changes() {
    let server = Server::builder().start();
    let plans = server.admin(&["plans", "list"]);
    let of = |name: &str| plans.as_array().into_iter().flatten().find(|plan| plan["name"] == name).cloned();
    let pro = of("pro").expect("the plans that are documented are there");
    assert_eq!((&pro["requests"], &pro["items"]), (&json!(5000), &json!(40_000)));
    let account = Account::create(&server);
    server.admin(&["plans", "set", "mine", "--requests", "5"]);
    server.admin(&["accounts", "set-plan", &account.handle, "mine"]);
    assert!(!server.run(&["admin", "plans", "delete", "mine"]).status.success(), "an account is on it");
    assert!(!server.run(&["admin", "accounts", "set-plan", &account.handle, "none"]).status.success());
    server.admin(&["accounts", "set-plan", &account.handle]);
    server.admin(&["plans", "delete", "mine"]);
    let refused = Server::builder().database(server.database()).env("PREFECTURE_DEFAULT_PLAN", "mine").refused();
    assert!(refused.err.contains("PREFECTURE_DEFAULT_PLAN") && refused.err.contains("pro"), "{}", refused.err);
}

#[test]
fn an_account_is_told_its_plan() {
    let server = Server::builder().env("PREFECTURE_DEFAULT_PLAN", "hobby").start();
    let told = |account: &Account| {
        let own = account.api().get("/").expect(200)["plan_type"].clone();
        let listed = account.api().at(&format!("{}/api", server.url())).get("/me/accounts").expect(200);
        (own, listed[0]["account_plan_type"].clone())
    };
    assert_eq!(told(&Account::create(&server)), (json!("HOBBY"), json!("HOBBY")), "the installation's");
    let team = Account::create(&server);
    server.admin(&["accounts", "set-plan", &team.handle, "team"]);
    assert_eq!(told(&team), (json!("TEAM"), json!("TEAM")), "its own");
    let free = Account::create(Server::shared());
    assert_eq!(free.api().get("/").expect(200)["plan_type"], "ENTERPRISE", "no plan is no limit");
}

#[test]
fn an_installation_may_have_a_default_plan() {
    let server = Server::builder().env("PREFECTURE_DEFAULT_PLAN", "hobby").start();
    let answer = create(&Account::create(&server).workspace().api());
    assert_eq!(answer.header("ratelimit-policy"), Some(r#""requests";q=625;w=60"#));
}

//! PrefectHQ/prefect 20104.

use serde_json::json;
use tests::{Account, Redis, Server, eventually, put_on_plan};
use uuid::Uuid;

use super::recorder::{events_of, tell};

/// What is kept there. What is told there is not kept.
const KINDS: [&str; 4] = [":flows", "prefecture:limit:", "prefecture:usage:", "prefecture:replicas"];

#[test]
fn every_key_in_redis_ends_by_itself() {
    let redis = Redis::start();
    let first = Server::builder().redis(&redis).start();
    let second = Server::builder().database(first.database()).redis(&redis).start();
    let account = Account::create(&first);
    let tenant = account.workspace();
    // A limit that is far from being met: it is here for its keys.
    put_on_plan(&first, &account, &["--requests", "600000", "--items", "600000"]);
    let flow = tenant.api().post("/flows/", &json!({"name": "f"})).expect(201);
    let path = format!("/flows/{}", flow["id"].as_str().expect("an id"));
    let mut unseen = KINDS.to_vec();
    eventually("everything that is kept was there", || {
        for replica in [&first, &second] {
            let tenant = tenant.at(replica);
            tenant.api().get(&path).expect(200);
            let run = json!({"flow_id": flow["id"], "state": {"type": "RUNNING"}});
            let run = tenant.api().post("/flow_runs/", &run).expect(201);
            tell(&tenant, &events_of(run["id"].as_str().expect("an id"), Uuid::new_v4()));
        }
        for key in keys(&redis) {
            unseen.retain(|kind| !key.contains(kind));
            // -1 is for ever; -2 has gone by now. An end may be set with the next command.
            eventually("the key has an end", || match redis.command(&format!("PTTL {key}")) {
                ttl if ttl.contains(":-1\r\n") => Err(key.clone()),
                _ => Ok(()),
            });
        }
        if unseen.is_empty() { Ok(()) } else { Err(unseen.clone()) }
    });
}

fn keys(redis: &Redis) -> Vec<String> {
    redis.command("KEYS *").lines().filter(|line| line.starts_with("prefecture")).map(str::to_owned).collect()
}

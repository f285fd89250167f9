//! `/rate-limits`: what of the account's limits is used, over all replicas, by the minute and by who asked.

use std::collections::BTreeMap;

use domain::{AccountId, WorkspaceId};
use http::HeaderValue;
use http::header::CONTENT_DISPOSITION;
use serde::Serialize;
use serde_json::{Map, json};
use wire::{Input, Output, RawJson, Time};

use super::open_workspaces;
use crate::kit::{Answer, Call, Failure, Json, Op, Query, Reply, Response, Text};
use crate::ops;

pub static OPS: &[Op] = ops![
    GET "/rate-limits/status" status() -> Json<Status>,
        need Account(ReadAccount), lane Read, cost Free, cache Never, touches [], audit Nothing;
    GET "/rate-limits/usage" usage(Query<Window>) -> Json<Usage>,
        need Account(ReadAccount), lane Read, cost Free, cache Never, touches [], audit Nothing;
    GET "/rate-limits/usage/download" download(Query<Window>) -> Response,
        need Account(ReadAccount), lane Read, cost Free, cache Never, touches [], audit Nothing;
    GET "/rate-limits/orchestration-api" requests(Query<Breakdown>) -> Json<Groups>,
        need Account(ReadAccount), lane Read, cost Free, cache Never, touches [], audit Nothing;
    GET "/rate-limits/events" items(Query<Breakdown>) -> Json<Groups>,
        need Account(ReadAccount), lane Read, cost Free, cache Never, touches [], audit Nothing;
    GET "/rate-limits/api-key-names" key_names(Query<Search>) -> Json<Names>,
        need Account(ReadAccount), lane Read, cost Free, cache Never, touches [], audit Nothing;
    GET "/rate-limits/actor-names" actor_names(Query<Search>) -> Json<Names>,
        need Account(ReadAccount), lane Read, cost Free, cache Never, touches [], audit Nothing;
];

/// The two buckets by the names that clients use, in the order of the limits.
const BUCKETS: [&str; 2] = ["orchestration-api", "logs-and-events"];
const REQUESTS: usize = 0;
const ITEMS: usize = 1;
/// The only group where none is asked for.
const ALL: &str = "all";
/// The group of what is above the workspaces, was counted without a name, is of somebody who is gone, or is not for the
/// caller to know.
const OTHERS: &str = "others";

/// What is used up at this moment.
#[derive(Debug, Serialize, Output)]
struct Status {
    exceeded_buckets: Vec<String>,
}

/// A part of the latest hour; all of it by default. `keys`, which may be given several times, is one of the buckets.
#[derive(Debug, Input)]
#[input(parameters)]
struct Window {
    since: Option<Time>,
    until: Option<Time>,
    #[expect(dead_code, reason = "for the description; `asked_buckets` reads it, each time it is given")]
    keys: Option<String>,
}

/// One number a minute of what was asked, given and allowed (null: no limit). `complete` is false while the figures of
/// other replicas cannot be had.
#[derive(Debug, Serialize, Output)]
struct Usage {
    account: AccountId,
    since: Time,
    until: Time,
    minutes: Vec<Time>,
    keys: RawJson,
    complete: bool,
}

/// `group_by` is `workspace_id`, `api_key_name` or `actor_name`; the others leave out what is not of theirs.
#[derive(Debug, Input)]
#[input(parameters)]
struct Breakdown {
    since: Option<Time>,
    until: Option<Time>,
    group_by: Option<String>,
    workspace_id: Option<WorkspaceId>,
    api_key_name: Option<String>,
    actor_name: Option<String>,
}

/// What was asked and given by group, one number a minute.
#[derive(Debug, Serialize, Output)]
struct Groups {
    account: AccountId,
    since: Time,
    until: Time,
    limit: Option<i64>,
    minutes: Vec<Time>,
    groups: RawJson,
    complete: bool,
}

/// Names of the latest hour that contain `search`.
#[derive(Debug, Input)]
#[input(parameters)]
struct Search {
    search: Option<String>,
    #[input(default = 50, ge = 1, le = 200)]
    limit: i64,
    #[expect(dead_code, reason = "for the description; `asked_buckets` reads it, each time it is given")]
    keys: Option<String>,
}

#[derive(Debug, Serialize, Output)]
struct Names {
    values: Vec<String>,
}

async fn status(cx: Call) -> Reply<Json<Status>> {
    let member = cx.account()?;
    let meter = cx.app.limits().meter(member.account(), None, member.principal()).await?;
    let exceeded_buckets = meter.exceeded().await.into_iter().map(|kind| BUCKETS[kind as usize].to_owned()).collect();
    Ok(Json(Status { exceeded_buckets }))
}

async fn usage(cx: Call, window: Query<Window>) -> Reply<Json<Usage>> {
    let account = cx.account()?.account();
    let used = cx.app.limits().used(account, window.since, window.until).await?.ok_or_else(no_minute)?;
    let mut keys = Map::new();
    for bucket in asked_buckets(&cx)? {
        let series = used.series(bucket, |_| true);
        let limit = vec![used.limit(bucket); series.requested.len()];
        let told = json!({ "requested": series.requested, "granted": series.granted, "limit": limit });
        keys.insert(BUCKETS[bucket].to_owned(), told);
    }
    Ok(Json(Usage {
        account,
        since: used.since(),
        until: used.until(),
        minutes: used.times(),
        keys: RawJson::of(&keys),
        complete: used.complete,
    }))
}

async fn download(cx: Call, window: Query<Window>) -> Reply<Response> {
    let account = cx.account()?.account();
    let used = cx.app.limits().used(account, window.since, window.until).await?.ok_or_else(no_minute)?;
    let mut text = String::from("minute,bucket,requested,granted,limit\r\n");
    for bucket in asked_buckets(&cx)? {
        let (name, series) = (BUCKETS[bucket], used.series(bucket, |_| true));
        let limit = used.limit(bucket).map(|limit| limit.to_string()).unwrap_or_default();
        for ((time, requested), granted) in used.times().iter().zip(series.requested).zip(series.granted) {
            text.push_str(&format!("{time},{name},{requested},{granted},{limit}\r\n"));
        }
    }
    let mut response = Text("text/csv; charset=utf-8", text).into_response();
    let disposition = HeaderValue::from_static("attachment; filename=\"rate-limit-usage.csv\"");
    response.headers_mut().insert(CONTENT_DISPOSITION, disposition);
    Ok(response)
}

async fn requests(cx: Call, asked: Query<Breakdown>) -> Reply<Json<Groups>> {
    groups(&cx, REQUESTS, &asked).await
}

async fn items(cx: Call, asked: Query<Breakdown>) -> Reply<Json<Groups>> {
    groups(&cx, ITEMS, &asked).await
}

async fn groups(cx: &Call, bucket: usize, asked: &Breakdown) -> Reply<Json<Groups>> {
    let by = match asked.group_by.as_deref() {
        None | Some("workspace_id" | "api_key_name" | "actor_name") => asked.group_by.as_deref().unwrap_or_default(),
        Some(_) => return Err(Failure::unprocessable("`group_by` is workspace_id, api_key_name or actor_name.")),
    };
    let account = cx.account()?.account();
    let used = cx.app.limits().used(account, asked.since, asked.until).await?.ok_or_else(no_minute)?;
    let names = cx.app.control().actor_names(&used.actors()).await?;
    let (member, open) = (cx.principal()?.actor, open_workspaces(cx).await?);
    let mut groups: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for whole in used.askers(bucket) {
        let asker = open.as_ref().map_or_else(|| whole.clone(), |open| whole.seen_by(member, open));
        let actor_name = asker.actor.and_then(|actor| names.get(&actor));
        let wanted = asked.workspace_id.is_none_or(|id| asker.workspace == Some(id))
            && asked.api_key_name.as_ref().is_none_or(|name| asker.key.as_ref() == Some(name))
            && asked.actor_name.as_ref().is_none_or(|name| actor_name == Some(name));
        if !wanted {
            continue;
        }
        let group = match by {
            "workspace_id" => asker.workspace.map(|id| id.to_string()),
            "api_key_name" => asker.key,
            "actor_name" => actor_name.cloned(),
            _ => Some(ALL.to_owned()),
        };
        groups.entry(group.unwrap_or_else(|| OTHERS.to_owned())).or_default().push(whole);
    }
    let mut told = Map::new();
    for (name, askers) in groups {
        let series = used.series(bucket, |asker| askers.contains(&asker));
        told.insert(name, json!({ "requested": series.requested, "granted": series.granted }));
    }
    Ok(Json(Groups {
        account,
        since: used.since(),
        until: used.until(),
        limit: used.limit(bucket).map(i64::from),
        minutes: used.times(),
        groups: RawJson::of(&told),
        complete: used.complete,
    }))
}

async fn key_names(cx: Call, search: Query<Search>) -> Reply<Json<Names>> {
    let used = cx.app.limits().used(cx.account()?.account(), None, None).await?.ok_or_else(no_minute)?;
    let (buckets, member, open) = (asked_buckets(&cx)?, cx.principal()?.actor, open_workspaces(&cx).await?);
    let askers = buckets.into_iter().flat_map(|bucket| used.askers(bucket));
    let found = askers.filter_map(|asker| match &open {
        None => asker.key.clone(),
        Some(open) => asker.seen_by(member, open).key,
    });
    Ok(Json(search.choose(found)))
}

async fn actor_names(cx: Call, search: Query<Search>) -> Reply<Json<Names>> {
    let used = cx.app.limits().used(cx.account()?.account(), None, None).await?.ok_or_else(no_minute)?;
    let names = cx.app.control().actor_names(&used.actors()).await?;
    let buckets = asked_buckets(&cx)?;
    let actors = buckets.into_iter().flat_map(|bucket| used.askers(bucket)).filter_map(|asker| asker.actor);
    Ok(Json(search.choose(actors.filter_map(|actor| names.get(&actor).cloned()))))
}

fn no_minute() -> Failure {
    Failure::unprocessable("No minute of the latest hour is between `since` and `until`.")
}

/// The buckets that `keys`, which may be given several times, names; both without it.
fn asked_buckets(cx: &Call) -> Reply<Vec<usize>> {
    let pairs = cx.query_pairs()?;
    let keys: Vec<&str> = pairs.iter().filter(|(name, _)| name == "keys").map(|(_, value)| value.as_str()).collect();
    let asked = |bucket: &usize| keys.is_empty() || keys.contains(&BUCKETS[*bucket]);
    Ok([REQUESTS, ITEMS].into_iter().filter(asked).collect())
}

impl Search {
    fn choose(&self, names: impl Iterator<Item = String>) -> Names {
        let search = self.search.as_deref().unwrap_or_default().to_lowercase();
        let mut values: Vec<String> = names.filter(|name| name.to_lowercase().contains(&search)).collect();
        values.sort_unstable();
        values.dedup();
        values.truncate(usize::try_from(self.limit).unwrap_or_default());
        Names { values }
    }
}

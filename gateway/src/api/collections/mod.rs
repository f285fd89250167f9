//! `/collections/views/{view}`: what integrations offer (reference: `server/api/collections.py`, which asks the internet).
//! Which worker types there are, and the job templates that they begin with, is the protocol's; the texts are ours.
//!
//! The SDK asks for worker types at `/collections/work_pool_types` when it takes us for Prefect Cloud.

use std::sync::LazyLock;

use serde_json::{Value, json};
use tenant_store::block_types;
use wire::RawJson;

use crate::kit::{Call, Failure, Json, Op, Path, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    GET "/collections/views/{view}" view(Path<String>) -> Json<RawJson>,
        need Workspace(SeeWorkPools), lane Read, cost One, cache Never, touches [], audit Nothing;
    GET "/collections/work_pool_types" work_pool_types() -> Json<RawJson>,
        need Workspace(SeeWorkPools), lane Read, cost One, cache Never, touches [], audit Nothing;
];

/// The same above all workspaces, where Prefect Cloud has it.
pub static ROOT_OPS: &[Op] = ops![
    GET "/collections/views/{view}" root_view(Path<String>) -> Json<RawJson>,
        need AnyKey, lane Read, cost One, cache Never, touches [], audit Nothing;
];

static WORKERS: LazyLock<RawJson> = LazyLock::new(|| compact(include_str!("workers.json")));
static BLOCKS: LazyLock<RawJson> = LazyLock::new(|| RawJson::of(&json!({ "prefect": { "block_types": blocks() } })));

/// Without its blanks.
fn compact(text: &str) -> RawJson {
    RawJson::of(&serde_json::from_str::<Value>(text).expect("a file of ours, read by a test"))
}

/// The types of the system by their slugs, each with its schema.
fn blocks() -> Value {
    let types: Vec<Value> = serde_json::from_str(block_types::SYSTEM).expect("a file of ours, read by a test");
    let of_type = |mut one: Value| {
        let slug = one["slug"].as_str().unwrap_or_default().to_owned();
        let schema = ["checksum", "fields", "capabilities", "version"].map(|name| (name, one[name].take()));
        one["block_schema"] = schema.into_iter().collect();
        if let Value::Object(fields) = &mut one {
            fields.retain(|_, value| !value.is_null());
        }
        (slug, one)
    };
    types.into_iter().map(of_type).collect()
}

async fn view(_: Call, view: Path<String>) -> Reply<Json<RawJson>> {
    named(&view)
}

async fn root_view(_: Call, view: Path<String>) -> Reply<Json<RawJson>> {
    named(&view)
}

async fn work_pool_types(_: Call) -> Reply<Json<RawJson>> {
    Ok(Json(WORKERS.clone()))
}

fn named(view: &str) -> Reply<Json<RawJson>> {
    match view {
        "aggregate-worker-metadata" => Ok(Json(WORKERS.clone())),
        "aggregate-block-metadata" => Ok(Json(BLOCKS.clone())),
        // Flows of integrations are for browsing; none are listed.
        "aggregate-flow-metadata" | "demo-flows" => Ok(Json(RawJson::of(&json!({})))),
        _ => Err(Failure::not_found(format!("View {view} not found in registry"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_load_nothing_from_elsewhere() {
        let workers = WORKERS.to_value();
        assert!(workers["prefect"]["process"]["default_base_job_configuration"]["variables"].is_object());
        let blocks = BLOCKS.to_value();
        assert_eq!(blocks["prefect"]["block_types"]["secret"]["block_schema"]["version"], "3.9.1");
        let logos = WORKERS.text().matches("\"logo_url\":").count();
        assert_eq!(WORKERS.text().matches("\"logo_url\":\"data:image/svg+xml,").count(), logos);
        assert!(logos >= 8 && !BLOCKS.text().contains("logo_url"));
    }
}

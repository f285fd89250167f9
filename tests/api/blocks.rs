//! Blocks beyond what the reference has: secrets at rest and who sees them, lists by GET, PUT by type and name.

use serde_json::{Value, json};
use tests::{Api, Cluster, Server, Tenant, eventually};

const SECRET: &str = "a-secret-to-look-for";
const ONE: &str = "one:MTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTE=";
const TWO: &str = "two:MjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjI=";

/// A block of the type that every workspace has for one secret.
fn secret(api: &Api, name: &str, value: &Value) -> Value {
    let path = format!("/block_types/slug/secret/block_documents/name/{name}");
    api.put(&path, &json!({ "data": { "value": value } })).expect(201)
}

fn shown(api: &Api, name: &str) -> Value {
    api.get(&format!("/block_types/slug/secret/block_documents/name/{name}?include_secrets=true")).expect(200)["data"]
        ["value"]
        .clone()
}

#[test]
fn every_workspace_begins_with_the_types_of_the_system() {
    let api = Tenant::fresh().api();
    let types = api.get("/block_types/").expect(200);
    let types = types.as_array().expect("a list");
    let protected: Vec<&str> =
        types.iter().filter(|kind| kind["is_protected"] == true).filter_map(|kind| kind["slug"].as_str()).collect();
    assert_eq!(protected, ["local-file-system", "secret", "webhook"]);
    assert!(types.iter().all(|kind| kind["logo_url"].is_null()), "nothing is loaded from elsewhere");
    let schemas = api.get("/block_schemas/").expect(200);
    assert_eq!(schemas.as_array().map(Vec::len), Some(types.len()));
    // The checksum by which the SDK looks for its own `Secret`.
    let sum = "sha256:c078ed9c1e813e224c0b353d7ad4564a11d51d3198d9ac0686478165a1911c78";
    let schema = api.get(&format!("/block_schemas/checksum/{sum}?version=3.9.1")).expect(200);
    assert_eq!(schema["block_type"]["slug"], "secret");
    let id = schema["block_type_id"].as_str().expect("an id").to_owned();
    api.delete(&format!("/block_types/{id}")).expect(403);
    api.patch(&format!("/block_types/{id}"), &json!({ "description": "changed" })).expect(204);
    api.post("/block_types/install_system_block_types", &json!({})).expect(200);
    assert_ne!(api.get(&format!("/block_types/{id}")).expect(200)["description"], "changed");
}

#[test]
fn put_makes_a_block_what_it_is_to_be() {
    let api = Tenant::fresh().api();
    let made = secret(&api, "s", &json!("one"));
    let path = "/block_types/slug/secret/block_documents/name/s";
    let replaced = api.put(path, &json!({ "data": { "value": "two" } })).expect(200);
    assert_eq!((&replaced["id"], &replaced["data"]["value"]), (&made["id"], &json!("********")));
    assert_eq!(shown(&api, "s"), "two");
    api.put(path, &json!({ "data": { "value": "********" } })).expect(200);
    assert_eq!(shown(&api, "s"), "two", "a secret that came back hidden is what it was");
    api.put("/block_types/slug/nope/block_documents/name/s", &json!({})).expect(404);
    let refused = api.put("/block_types/slug/secret/block_documents/name/NO", &json!({})).expect(422);
    assert_eq!(refused["exception_detail"][0]["loc"], json!(["path", "block_document_name"]));
    let listed = api.get("/block_documents/?limit=1").expect(200);
    assert_eq!((listed[0]["name"].clone(), listed[0]["data"]["value"].clone()), (json!("s"), json!("********")));
}

#[test]
fn secrets_are_shown_to_those_alone_who_may_see_them() {
    let tenant = Tenant::fresh();
    let id = secret(&tenant.api(), "s", &json!({ "deep": SECRET }))["id"].as_str().expect("an id").to_owned();
    for (role, sees, writes) in [("Viewer", false, 403), ("Worker", true, 403), ("Developer", true, 204)] {
        let api = tenant.with_key(&tenant.bot(role).key).api();
        let path = format!("/block_documents/{id}");
        // A grant counts as soon as it is seen.
        eventually(role, || match api.get(&path).status {
            200 => Ok(()),
            status => Err(status.to_string()),
        });
        let asked = api.get(&format!("{path}?include_secrets=true"));
        assert!(!asked.header("cache-control").unwrap_or("private").contains("public"));
        let filter = json!({ "include_secrets": true });
        for answer in [
            asked.expect(200),
            api.post("/block_documents/filter", &filter).expect(200)[0].clone(),
            api.get("/block_types/slug/secret/block_documents?include_secrets=true").expect(200)[0].clone(),
        ] {
            assert_eq!(answer["data"]["value"] == json!({ "deep": SECRET }), sees, "{role}: {}", answer["data"]);
        }
        assert!(!api.get(&path).body.to_string().contains(SECRET), "{role} did not ask");
        assert_eq!(api.patch(&path, &json!({ "data": {} })).status, writes, "{role}");
    }
}

#[test]
fn blocks_that_hold_too_many_others_are_refused() {
    let api = Tenant::fresh().api();
    let mut below: Option<String> = None;
    // Each holds the one below twice: the twelfth would hold four thousand.
    let refused = (0..12).find_map(|level| {
        let reference = below.as_ref().map(|id| json!({ "$ref": { "block_document_id": id } }));
        let data = json!({ "value": 1, "a": reference, "b": reference });
        let path = format!("/block_types/slug/secret/block_documents/name/level-{level}");
        let answer = api.put(&path, &json!({ "data": data }));
        below = answer.body["id"].as_str().map(str::to_owned);
        (answer.status != 201).then_some(answer.status)
    });
    assert_eq!(refused, Some(422));
}

#[test]
fn of_many_who_make_the_first_blocks_all_can_read_them() {
    let api = Tenant::fresh().api();
    std::thread::scope(|scope| {
        for n in 0..8 {
            let api = &api;
            scope.spawn(move || secret(api, &format!("s-{n}"), &json!(n)));
        }
    });
    for n in 0..8 {
        assert_eq!(shown(&api, &format!("s-{n}")), n, "one key for all of them");
    }
}

#[test]
fn secrets_are_in_no_table_and_no_log_and_operators_keys_can_be_changed() {
    let database = Cluster::shared().database();
    let keys = |keys: &str| Server::builder().database(&database).env("PREFECTURE_ENCRYPTION_KEYS", keys).start();
    let server = keys(ONE);
    let tenant = Tenant::on(&server);
    let id = secret(&tenant.api(), "s", &json!(SECRET))["id"].as_str().expect("an id").to_owned();
    tenant.api().patch(&format!("/block_documents/{id}"), &json!({ "data": { "more": SECRET } })).expect(204);
    assert_eq!(shown(&tenant.api(), "s"), SECRET);
    let dump = everything(&server);
    assert!(dump.contains("local-file-system") && !dump.contains(SECRET), "a secret is in a table");
    assert!(!server.log().contains(SECRET), "a secret is in the log");
    drop(server);

    // Without the key, or with another of its id, nothing starts, and it says why; with both all goes on; after the rewrap
    // the new one alone will do.
    for wrong in ["", TWO, &TWO.replace("two:", "one:")] {
        let refused = Server::builder().database(&database).env("PREFECTURE_ENCRYPTION_KEYS", wrong).refused();
        assert!(refused.err.contains("PREFECTURE_ENCRYPTION_KEYS") && refused.err.contains("'one'"), "{}", refused.err);
    }
    let both = keys(&format!("{TWO},{ONE}"));
    assert_eq!(shown(&tenant.at(&both).api(), "s"), SECRET);
    assert_eq!(both.admin(&["encryption", "rewrap"])["rewrapped"], 1);
    assert_eq!(both.admin(&["encryption", "rewrap"])["nothing_to_do"], 1);
    drop(both);
    let new = keys(TWO);
    assert_eq!(shown(&tenant.at(&new).api(), "s"), SECRET);
}

/// All that Postgres holds, as text.
fn everything(server: &Server) -> String {
    let tables = server.database().sql(
        "select string_agg(format('%I.%I', schemaname, tablename), ' ') from pg_tables \
         where schemaname not in ('pg_catalog', 'information_schema')",
    );
    tables.split_whitespace().map(|table| server.database().sql(&format!("select t::text from {table} t"))).collect()
}

#[test]
fn without_keys_blocks_are_refused_with_a_reason_and_the_rest_goes_on() {
    let server = Server::builder().env("PREFECTURE_ENCRYPTION_KEYS", "").start();
    let api = Tenant::on(&server).api();
    let path = "/block_types/slug/secret/block_documents/name/s";
    let refused = api.put(path, &json!({ "data": { "value": SECRET } }));
    assert_eq!(refused.status, 501);
    assert!(refused.body["detail"].as_str().is_some_and(|text| text.contains("PREFECTURE_ENCRYPTION_KEYS")));
    api.post("/block_documents/filter", &json!({})).expect(200);
    api.post("/flows/", &json!({ "name": "f" })).expect(201);
}

#[test]
fn keys_that_are_none_are_refused_by_name_and_not_shown() {
    let refused = Server::builder().env("PREFECTURE_ENCRYPTION_KEYS", "one:c2hvcnQta2V5").refused();
    assert!(refused.err.contains("PREFECTURE_ENCRYPTION_KEYS") && refused.err.contains("'one'"), "{}", refused.err);
    assert!(!refused.err.contains("c2hvcnQta2V5"), "{}", refused.err);
    let made = Server::shared().admin(&["encryption", "generate", "2026-11"]);
    let made = made["key"].as_str().expect("a key");
    assert!(made.starts_with("2026-11:"));
    Server::builder().env("PREFECTURE_ENCRYPTION_KEYS", made).start();
}

#[test]
fn worker_types_are_found_by_every_kind_of_client() {
    let tenant = Tenant::fresh();
    let root = tenant.api().at(&tenant.cloud_api_url());
    let (view, cloud) = ("/collections/views/aggregate-worker-metadata", "/collections/work_pool_types");
    let types = tenant.api().get(view).expect(200);
    assert_eq!(types["prefect"]["process"]["type"], "process");
    assert_eq!(tenant.api().get(cloud).expect(200), types);
    assert_eq!(root.get(view).expect(200), types);
    assert!(tenant.api().get("/collections/views/aggregate-block-metadata").expect(200)["prefect"].is_object());
}

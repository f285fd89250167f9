//! What is really in the database, looked at past the program.

use std::collections::BTreeMap;

use crate::server::Server;
use crate::tenant::Tenant;

/// The schema in which a workspace's rows are.
pub fn schema_of(server: &Server, tenant: &Tenant) -> String {
    let sql = format!("select schema_name from control.workspace where id = '{}'", tenant.workspace_id);
    let schema = server.database().sql(&sql);
    assert!(schema.starts_with("ws_"), "the workspace {} has no schema: {schema:?}", tenant.workspace_id);
    schema
}

/// For each table of a schema, how many rows and a digest of them all: equal when nothing was written.
pub fn checksums(server: &Server, schema: &str) -> BTreeMap<String, String> {
    let tables =
        format!("select relname from pg_class where relkind = 'r' and relnamespace = '{schema}'::regnamespace");
    let tables = server.database().sql(&tables);
    let digest = |table: &str| {
        format!(
            "select '{table}', count(*), md5(coalesce(string_agg(t::text, '' order by t::text), '')) from {schema}.{table} t"
        )
    };
    let all: Vec<String> = tables.lines().map(digest).collect();
    assert!(!all.is_empty(), "{schema} has no tables");
    let rows = server.database().sql(&all.join(" union all "));
    rows.lines().filter_map(|row| row.split_once('|')).map(|(table, sum)| (table.to_owned(), sum.to_owned())).collect()
}

/// The rows of the control plane that belong to an account. Without the time a key was used last: that is no harm.
pub fn account_checksum(server: &Server, account_id: &str) -> String {
    let members = format!("(select actor_id from control.membership where account_id = '{account_id}')");
    let workspaces = format!("(select id from control.workspace where account_id = '{account_id}')");
    let parts = [
        format!("select a::text from control.account a where id = '{account_id}'"),
        format!("select m::text from control.membership m where account_id = '{account_id}'"),
        format!("select r::text from control.workspace_role r where account_id = '{account_id}'"),
        format!("select w::text from control.workspace w where account_id = '{account_id}'"),
        format!("select a::text from control.workspace_access a where workspace_id in {workspaces}"),
        format!("select b::text from control.bot b where account_id = '{account_id}'"),
        format!("select to_jsonb(u)::text from control.users u where actor_id in {members}"),
        format!("select (to_jsonb(k) - 'last_used')::text from control.api_key k where actor_id in {members}"),
    ];
    let sql = format!(
        "select count(*), md5(string_agg(t.row, '' order by t.row)) from ({}) t(row)",
        parts.join(" union all ")
    );
    server.database().sql(&sql)
}

/// The rows of a schema that hold a text anywhere.
pub fn rows_with(server: &Server, schema: &str, text: &str) -> Vec<String> {
    let tables =
        format!("select relname from pg_class where relkind = 'r' and relnamespace = '{schema}'::regnamespace");
    let tables = server.database().sql(&tables);
    let rows = |table: &str| {
        format!("select '{table}: ' || t::text from {schema}.{table} t where strpos(t::text, '{text}') > 0")
    };
    let all: Vec<String> = tables.lines().map(rows).collect();
    server.database().sql(&all.join(" union all ")).lines().map(str::to_owned).collect()
}

//! What the two logins may do, and what they may not.

use tests::{Cluster, Database, Server};

use super::Found;

/// Schemas of workspaces, spare ones among them.
fn schemas(database: &Database) -> Vec<String> {
    let rows = database.sql("select nspname from pg_namespace where nspname ~ '^ws_' order by 1");
    rows.lines().map(str::to_owned).collect()
}

#[test]
fn serving_as_the_owner_and_owning_as_the_server_are_seen() {
    let server = Server::shared();
    let found = Found::on(server, &["--database-url", &server.database().owner_url()]);
    found.is("serving login", "bad", "makes roles, owns the schemas");
    found.is("tenant roles", "bad", "");
    found.is("search_path", "warning", "public");
    found.is("set_config", "warning", "may call it");
    let found = Found::on(server, &["--owner-database-url", &server.database().url()]);
    found.is("owner login", "bad", "may make no schemas, may make no roles, does not own the control schema");
}

#[test]
fn one_login_on_a_database_without_roles_works_and_is_warned_of() {
    let database = Cluster::shared().database();
    let server = Server::builder()
        .database(&database)
        .env("PREFECTURE_DATABASE_URL", &database.owner_url())
        .env("PREFECTURE_TENANT_ROLES", "off")
        .start();
    server.account().workspace();
    let found = Found::on(&server, &[]);
    found.is("serving login", "warning", "owns the schemas");
    found.is("tenant roles", "warning", "the search path");
    found.is("owner login", "good", "");
}

#[test]
fn workspaces_that_the_serving_login_cannot_enter_or_need_not_enter_are_seen() {
    let server = Server::builder().start();
    server.account().workspace();
    let database = server.database();
    let schema = schemas(database).pop().expect("a workspace has a schema");
    database.sql(&format!("grant usage on schema {schema} to prefecture_serve"));
    Found::on(&server, &[]).is("tenant roles", "bad", "1 of ");
    database.sql(&format!("revoke usage on schema {schema} from prefecture_serve"));
    Found::on(&server, &[]).is("tenant roles", "good", "");
    // Served without roles, though they were made with them.
    Found::on(&server, &["--tenant-roles", "off"]).is("tenant roles", "bad", "0 of ");
    database.sql(&format!("drop owned by {schema}; drop role {schema}"));
    Found::on(&server, &[]).is("tenant roles", "bad", "can step into the roles of ");
}

#[test]
fn a_login_without_rights_on_the_control_schema_is_a_finding() {
    let server = Server::builder().start();
    let database = server.database();
    database.sql("revoke select on control.api_key from prefecture_serve");
    let found = Found::on(&server, &[]);
    found.is("control rights", "bad", "may not read 1 tables");
    found.is("control schema", "good", "");

    database.sql("revoke usage on schema control from prefecture_serve");
    let found = Found::on(&server, &[]);
    found.is("control schema", "bad", "closed to prefecture_serve");
    found.is("workspace schemas", "skipped", "");
    found.is("control rights", "bad", "prefecture migrate");
    found.is("owner login", "good", "");

    // As the cure says.
    assert!(server.run(&["migrate"]).status.success());
    let found = Found::on(&server, &[]);
    found.is("control rights", "good", "");
    found.is("control schema", "good", "");
}

#[test]
fn logins_that_lead_to_two_databases_are_seen() {
    let other = Cluster::shared().database();
    let found = Found::on(Server::shared(), &["--owner-database-url", &other.owner_url()]);
    found.is("one database", "bad", "different databases");
}

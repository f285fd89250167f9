//! Postgres and its settings, and what was migrated.

use tests::{Network, Proxy, Server, free_port};

use super::Found;

#[test]
fn a_database_that_was_set_up_as_told_is_well() {
    let server = Server::shared();
    server.account().workspace();
    let found = Found::on(server, &[]);
    for check in [
        "settings",
        "postgres",
        "postgres version",
        "encoding",
        "writable",
        "full_page_writes",
        "synchronous_commit",
        "connections",
        "work_mem",
        "max_wal_size",
        "autovacuum",
        "locks",
        "pooler",
        "clock of postgres",
        "serving login",
        "control rights",
        "tenant roles",
        "search_path",
        "set_config",
        "control schema",
        "workspace schemas",
        "owner's postgres",
        "owner login",
        "owner's pooler",
        "one database",
    ] {
        found.is(check, "good", "");
    }
    // The tests' own cluster is fast, not safe.
    found.is("fsync", "bad", "off");
    found.is("redis", "skipped", "");
    found.is("public address", "skipped", "");
    assert_eq!(found.checks.len(), 29, "{:?}", found.checks.keys());
}

#[test]
fn people_read_lines_with_the_cure_below() {
    let text = Server::shared().run(&["doctor"]);
    let lines: Vec<&str> = text.out.lines().collect();
    let at = lines.iter().position(|line| line.starts_with("BAD") && line.contains("fsync"));
    let cure = at.and_then(|at| lines.get(at + 1));
    assert!(cure.is_some_and(|line| line.trim_start().starts_with("→ set it on")), "{}", text.out);
    assert!(text.err.contains("1 of 29 checks are bad"), "{}", text.err);
    assert_eq!(text.status.code(), Some(1));
}

#[test]
fn settings_that_lose_writes_or_leave_no_room_are_seen() {
    let server = Server::shared();
    let found = Found::on(server, &["--pool-size", "150", "--replicas", "2"]);
    found.is("connections", "bad", "297 for 324");
    // What holds for the login and the database counts, not what the file says.
    let server = Server::builder().start();
    let name = &server.database().name;
    for setting in ["synchronous_commit = off", "work_mem = '64kB'", "default_transaction_read_only = on"] {
        server.database().sql(&format!("alter role prefecture_serve in database {name} set {setting}"));
    }
    server.database().sql(&format!("alter database {name} connection limit 20"));
    let found = Found::on(&server, &[]);
    found.is("synchronous_commit", "bad", "off");
    found.is("work_mem", "warning", "64 kB");
    found.is("writable", "bad", "standby");
    found.is("connections", "bad", "20 for 32");
}

#[test]
fn schemas_of_another_version_are_seen() {
    let server = Server::builder().start();
    server.account().workspace();
    let database = server.database();
    database.sql("update control.workspace set schema_version = 99; update control.meta set schema_version = 99");
    let found = Found::on(&server, &[]);
    found.is("control schema", "bad", "version 99");
    found.is("workspace schemas", "bad", "1 of version 99");
    database.sql("update control.workspace set schema_version = 0; update control.meta set schema_version = 0");
    let found = Found::on(&server, &[]);
    found.is("control schema", "bad", "version 0");
    found.is("workspace schemas", "bad", "1 of version 0");
    database.sql("drop schema control cascade");
    let found = Found::on(&server, &[]);
    found.is("control schema", "bad", "there is none");
    found.is("workspace schemas", "skipped", "");
}

#[test]
fn a_database_that_is_away_is_said_and_no_password_with_it() {
    let url = format!("postgresql://serve:hunter2@127.0.0.1:{}/nowhere", free_port());
    let found = Found::on(Server::shared(), &["--database-url", &url]);
    found.is("postgres", "bad", "refused");
    found.is("owner login", "good", "");
    found.says_nothing_of("hunter2");
    let found = Found::on(Server::shared(), &["--owner-database-url", &url]);
    found.is("owner's postgres", "bad", "refused");
    found.is("serving login", "good", "");
    found.says_nothing_of("hunter2");
}

#[test]
fn a_database_that_hangs_is_said() {
    let database = Server::shared().database();
    let proxy = Proxy::to(database.cluster().port());
    proxy.set(Network::BlackHole);
    let found = Found::on(Server::shared(), &["--database-url", &database.url_through(proxy.port())]);
    found.is("postgres", "bad", "no answer within 10 s");
    found.is("owner login", "good", "");
}

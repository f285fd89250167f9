//! PgBouncer between the program and Postgres.

use tests::{PgBouncer, Server};

use super::Found;

#[test]
fn through_a_pooler_of_transactions_all_is_seen_as_without_it() {
    let server = Server::shared();
    server.account().workspace();
    let direct = Found::on(server, &[]);
    let pgbouncer = PgBouncer::before(server.database().cluster(), "transaction");
    let url = server.database().url_through(pgbouncer.port());
    let found = Found::on(server, &["--database-url", &url, "--database-pooler", "transaction"]);
    found.is("pooler", "good", "of transactions");
    for (check, seen) in &direct.checks {
        assert_eq!(found.checks[check]["verdict"], seen["verdict"], "{check}");
    }
    let found = Found::on(server, &["--database-url", &url]);
    found.is("pooler", "bad", "gives each transaction another connection");
}

#[test]
fn a_pooler_that_is_not_there_is_not_to_be_expected() {
    Found::on(Server::shared(), &["--database-pooler", "transaction"]).is("pooler", "warning", "none in front");
}

#[test]
fn the_owner_goes_past_a_pooler_of_transactions() {
    let server = Server::shared();
    let pgbouncer = PgBouncer::before(server.database().cluster(), "transaction");
    let url = server.database().owner_url_through(pgbouncer.port());
    let found = Found::on(server, &["--owner-database-url", &url]);
    found.is("owner's pooler", "bad", "gives each transaction another connection");
    found.is("one database", "good", "");
}

#[test]
fn a_pooler_of_sessions_is_as_good_as_none() {
    let server = Server::shared();
    let pgbouncer = PgBouncer::before(server.database().cluster(), "session");
    let found = Found::on(server, &["--database-url", &server.database().url_through(pgbouncer.port())]);
    found.is("pooler", "good", "keeps a connection for each of ours");
}

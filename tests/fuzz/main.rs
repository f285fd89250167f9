//! Requests made up from the program's own OpenAPI document, by schemathesis: none is answered with 500 or more, and every
//! answer is one that the document has (status, content type, headers, schema), unknown methods and absent keys included.
//!
//! `FUZZ_SECONDS=600` tries longer than the few seconds of an everyday run; `FUZZ_SEED=2` tries other requests.
//! The tool is in `tests/.venv-tools` (`tests/run` makes it), or where `PREFECTURE_TOOLS_BIN` says.

mod document;
mod run;

use std::time::Duration;

use tests::operations::{Level, Operation, Operations, Requests, Who};
use tests::{Account, Server};

use document::Prepared;
use run::Seen;

/// Worlds of objects that requests name: some for all that ask and change, some for each operation that deletes.
const WORLDS: usize = 4;

/// Empty filters delete what every other request is about: tried in a workspace of their own.
fn clears(operation: &Operation) -> bool {
    operation.path.ends_with("/bulk_delete")
}

/// After it nothing is left to ask: the caller's own workspace is gone.
fn ends_all(operation: &Operation, requests: &Requests) -> bool {
    requests.get(operation).who == Who::Fresh
}

fn fuzz(seconds: u64, of: impl Fn(&Operation, &Requests) -> bool) {
    let server = Server::builder().env("PREFECTURE_POLL_HOLD", "0s").start();
    let (mut seen, mut unmet) = (Seen::new(), Vec::new());
    // On a slow machine longer, until every operation was asked for something that is there; each time in a workspace of its
    // own, because what was asked for may be deleted.
    for factor in [1, 2, 4] {
        let tenant = Account::create(&server).workspace();
        let operations = Operations::of(&server, &tenant.key);
        let requests = Requests::of(&operations);
        let chosen = |operation: &Operation| of(operation, &requests);
        let prepared = Prepared::new(&server, &tenant, &operations, &requests, WORLDS, chosen);
        run::ask(&tenant, &prepared, Duration::from_secs(seconds * factor), &mut seen);
        unmet = run::unmet(&prepared, &seen);
        if unmet.is_empty() {
            return;
        }
    }
    panic!("{}", unmet.join("\n"));
}

#[test]
fn what_a_workspace_is_asked() {
    fuzz(30, |operation, requests| {
        operation.level == Level::Workspace && !clears(operation) && !ends_all(operation, requests)
    });
}

#[test]
fn what_empties_a_workspace() {
    fuzz(5, |operation, _| operation.level == Level::Workspace && clears(operation));
}

#[test]
fn what_accounts_and_the_root_are_asked() {
    fuzz(20, |operation, _| operation.level != Level::Workspace);
}

//! Each operation has a request in `requests.txt`, and answers it as the line says.

use tests::operations::{Operation, REQUESTS_FILE, World};

use crate::ground::{Ground, none};

#[test]
fn every_operation_has_a_request() {
    let ground = Ground::get();
    let missing = ground.operations.iter().filter(|operation| ground.requests.find(operation).is_none());
    let mut findings: Vec<String> =
        missing.map(|operation| format!("{REQUESTS_FILE}: no request to {}: add a line", operation.name())).collect();
    findings.extend(ground.requests.stale.iter().map(|line| format!("{REQUESTS_FILE}: a request to nothing: {line}")));
    none(findings);
}

#[test]
fn every_request_is_answered_as_its_line_says() {
    let ground = Ground::get();
    none(ground.operations.http().filter_map(|operation| answered(ground, operation)).collect());
}

fn answered(ground: &Ground, operation: &Operation) -> Option<String> {
    let request = ground.requests.find(operation)?;
    let caller = ground.caller(request);
    let filled = request.fill(&World::new(ground.server, &caller));
    let answer = ground.ask(operation, &ground.base(operation, &caller), Some(&caller.key), &filled);
    let said = request.status;
    (answer.status != said).then(|| format!("{}: {} {} for {filled:?}", operation.name(), answer.status, answer.body))
}

//! SQL in every text of every operation. A value is a bound parameter or it is nothing: whatever is sent, no answer is a
//! defect of ours, the victim's rows stay as they were and appear in no answer, and Postgres has met no broken statement.

use serde_json::json;
use tests::operations::schema::Takes;
use tests::truth;

use crate::attack::{Arena, Target, in_parallel, none, targets, text, thorough};

/// What an attacker would try who knows the victim's schema, which no client does.
pub fn payloads(schema: &str) -> Vec<String> {
    [
        "'; SET ROLE {v}; DELETE FROM {v}.flow; --",
        "' || (SELECT set_config('role', '{v}', false)) || '",
        "'; SET search_path TO {v}; UPDATE flow SET name = 'taken'; --",
        "\"; DROP SCHEMA {v} CASCADE; --",
        "$1",
        "$$; COMMIT; SET LOCAL ROLE {v}; DELETE FROM flow_run; $$",
        "x' UNION SELECT name FROM {v}.flow --",
        "%' OR name IN (SELECT name FROM {v}.flow) OR name LIKE '%",
        "\\'; RESET ROLE; DELETE FROM {v}.flow; --",
        "(SELECT query_to_xml('SELECT * FROM {v}.flow', true, false, ''))",
        "') OR true --",
        "{\"a\": 1}'::jsonb ->> 'a' @> '{}' ?| array['a']",
        "'; ROLLBACK; BEGIN; SET LOCAL ROLE {v}; --",
        "{v}.flow",
        "a') ORDER BY (SELECT pg_sleep(20)) --",
        "E'\\047; DELETE FROM {v}.flow; --",
        "{\"};DELETE FROM {v}.flow;--",
        "*/ DELETE FROM {v}.flow; /*",
        "\u{2019}; DELETE FROM {v}.flow; --",
        "a\nDELETE FROM {v}.flow;\n\\.",
    ]
    .map(|payload| payload.replace("{v}", schema))
    .to_vec()
}

/// A text that only the victim's rows hold.
fn plant(arena: &Arena) -> String {
    let canary = format!("canary-{}", uuid::Uuid::new_v4().simple());
    let api = arena.victim.api();
    for nth in 0..3 {
        let name = format!("{canary}-{nth}");
        let flow = api.post("/flows/", &json!({"name": name, "tags": [canary], "labels": {"of": canary}})).expect(201);
        let run = api.post(
            "/flow_runs/",
            &json!({"flow_id": flow["id"], "name": name, "tags": [canary], "parameters": {"of": canary}, "context": {"of": canary},
                    "idempotency_key": canary, "state": {"type": "SCHEDULED", "name": canary, "message": canary}}),
        );
        let run = run.expect(201);
        api.post(
            "/task_runs/",
            &json!({"flow_run_id": run["id"], "task_key": canary, "dynamic_key": name, "name": name, "tags": [canary],
                    "state": {"type": "PENDING", "message": canary}}),
        )
        .expect(201);
        let input = json!({"key": format!("input-{nth}"), "value": json!(canary).to_string(), "sender": canary});
        api.post(&format!("/flow_runs/{}/input", run["id"].as_str().expect("an id")), &input).expect(201);
    }
    arena.victim.account.api().post("/bots/", &json!({"name": canary})).expect(201);
    canary
}

#[test]
fn sql_in_every_text_of_every_operation_is_text() {
    let arena = Arena::new();
    let canary = plant(&arena);
    let (schema, own) =
        (truth::schema_of(&arena.server, &arena.victim), truth::schema_of(&arena.server, &arena.attacker));
    let sums =
        || (truth::checksums(&arena.server, &schema), truth::account_checksum(&arena.server, &arena.victim.account.id));
    let before = sums();
    let already_said = arena.postgres_log().len();

    let payloads = payloads(&schema);
    let all: Vec<Target<'_>> = targets(&arena.operations);
    let texts: Vec<(usize, &Target<'_>)> = all.iter().enumerate().filter(|(_, target)| takes_text(target)).collect();
    assert!(texts.len() > 100, "only {} texts were found", texts.len());
    // Each text meets some payloads, each payload many texts; the thorough form tries all on all.
    let each = if thorough() { payloads.len() } else { 3 };
    let (document, valid) = (arena.operations.document(), arena.all_valid());
    let findings = in_parallel(&texts, |(nth, target)| {
        let (api, filled) = &valid[target.operation.id.as_str()];
        let mut findings = Vec::new();
        for shift in 0..each {
            let payload = &payloads[(nth * each + shift) % payloads.len()];
            let answer = target.ask(document, api, filled, &text(target, payload));
            if answer.status >= 500 {
                findings.push(format!("{}: {payload:?} is answered {} {}", target.name(), answer.status, answer.body));
            }
            if String::from_utf8_lossy(&answer.bytes).contains(&canary) {
                findings.push(format!(
                    "{}: {payload:?} is answered with the victim's rows: {}",
                    target.name(),
                    answer.body
                ));
            }
        }
        findings
    });
    arena.was_attacked();
    none(findings);

    assert_eq!(before, sums(), "the victim's rows were changed");
    let stolen = truth::rows_with(&arena.server, &own, &canary);
    assert_eq!(stolen, Vec::<String>::new(), "the victim's rows are in the attacker's tables");
    none(arena.broken_statements(already_said));
}

fn takes_text(target: &Target<'_>) -> bool {
    !matches!(target.takes, Takes::Flag | Takes::Number)
}

/// Texts of a request that are no field: headers and the address itself.
#[test]
fn sql_in_headers_and_addresses_is_text() {
    let arena = Arena::new();
    let schema = truth::schema_of(&arena.server, &arena.victim);
    let before = truth::checksums(&arena.server, &schema);
    let already_said = arena.postgres_log().len();
    let api = arena.attacker.api();
    for payload in payloads(&schema).iter().filter(|payload| payload.is_ascii() && !payload.contains('\n')) {
        for header in
            ["x-request-id", "user-agent", "x-prefect-api-version", "prefect-client", "if-none-match", "traceparent"]
        {
            let answer = api.request("GET", "/flows/", &[(header, payload)], None);
            assert!(answer.status < 500, "{header}: {payload} is answered {} {}", answer.status, answer.body);
        }
        let keyless = api.with_key(None);
        for scheme in ["Bearer", "Basic"] {
            let answer = keyless.request("GET", "/flows/", &[("authorization", &format!("{scheme} {payload}"))], None);
            assert_eq!(answer.status, 401, "{scheme} {payload}");
        }
    }
    assert_eq!(before, truth::checksums(&arena.server, &schema));
    none(arena.broken_statements(already_said));
}

//! The access log, and the level of the log while the program runs.

use serde_json::Value;
use tests::{Answer, Server, Tenant, eventually};

/// The lines of the access log.
fn access(server: &Server) -> Vec<Value> {
    let lines = server.log();
    let lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["target"] == "access").collect()
}

fn operator(server: &Server, method: &str, body: &str) -> Answer {
    let root = server.metrics_url().replace("/metrics", "");
    server.api().at(&root).request(method, "/log-level", &[], Some(body.as_bytes().to_vec()))
}

#[test]
fn the_access_log_has_a_line_for_each_request() {
    let server = Server::builder().env("PREFECTURE_LOG_FORMAT", "json").env("PREFECTURE_ACCESS_LOG", "on").start();
    let tenant = Tenant::on(&server);
    let flow = "0b1c0000-0000-4000-8000-000000000002";
    let answer = tenant.api().request("GET", &format!("/flows/{flow}?secret=1"), &[("x-request-id", "mine")], None);
    assert_eq!(answer.status, 404);
    let line = eventually("the line is there", || {
        let lines = access(&server);
        lines.iter().find(|line| line["span"]["id"] == "mine").cloned().ok_or(lines)
    });
    assert_eq!(line["operation"], "flows::read", "{line}");
    assert_eq!(line["method"], "GET", "{line}");
    assert_eq!(line["status"], 404, "{line}");
    assert_eq!(line["account"], tenant.account.id.as_str(), "{line}");
    assert_eq!(line["workspace"], tenant.workspace_id.as_str(), "{line}");
    assert!(line["micros"].as_u64().is_some_and(|micros| micros > 0), "{line}");
    assert!(line["actor"].as_str().is_some_and(|actor| actor.len() == 36), "{line}");
    assert!(!line.to_string().contains("secret"), "neither path nor query: {line}");
    assert!(!line.to_string().contains(flow), "neither path nor query: {line}");
}

#[test]
fn the_log_level_changes_while_the_program_runs() {
    let server = Server::builder().env("PREFECTURE_LOG_FORMAT", "json").start();
    assert_eq!(operator(&server, "GET", "").body, "info\n");
    server.api().get("/api/health").expect(200);
    assert_eq!(access(&server), Vec::<Value>::new(), "off by default");

    let changed = operator(&server, "PUT", "info,access=info");
    assert_eq!((changed.status, changed.body), (200, Value::from("info,access=info\n")));
    server.api().get("/api/health").expect(200);
    eventually("requests are logged now", || if access(&server).is_empty() { Err(server.log()) } else { Ok(()) });

    assert_eq!(operator(&server, "PUT", "warn").body, "warn\n");
    let before = access(&server).len();
    server.api().get("/api/health").expect(200);
    assert_eq!(access(&server).len(), before, "and no more");
}

#[test]
fn a_log_level_that_cannot_be_read_changes_nothing() {
    let server = Server::builder().start();
    for wrong in ["gateway=loudly", "", "info,=", &"x".repeat(5000)] {
        let refused = operator(&server, "PUT", wrong);
        assert_eq!(refused.status, 400, "{wrong}: {}", refused.body);
        assert!(refused.body["detail"].is_string(), "{wrong}: {}", refused.body);
    }
    assert_eq!(operator(&server, "GET", "").body, "info\n");
    assert_eq!(operator(&server, "DELETE", "").status, 405);
    assert_eq!(server.api().get("/log-level").status, 404, "the API's listener has none");
    let refused = Server::builder().env("PREFECTURE_LOG", "gateway=loudly").refused();
    assert!(refused.err.contains("PREFECTURE_LOG"), "{}", refused.err);
}

//! Traces and metrics on their way to a collector, and a collector that is not there.

use serde_json::json;
use tests::{Answer, Builder, Collector, Server, Tenant, eventually, free_port};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
const MARKER: &str = "sesame-open-7f3a";

/// Spans are sent soon and metrics often, so that a test need not wait.
fn sending(to: &str) -> Builder {
    Server::builder()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", to)
        .env("OTEL_BSP_SCHEDULE_DELAY", "50")
        .env("OTEL_METRIC_EXPORT_INTERVAL", "100")
}

/// A flow whose name, and whose address's query, hold the marker.
fn create_flow(tenant: &Tenant, headers: &[(&str, &str)]) -> Answer {
    let body = json!({"name": MARKER}).to_string().into_bytes();
    tenant.api().request("POST", &format!("/flows/?{MARKER}={MARKER}"), headers, Some(body))
}

#[test]
fn a_request_is_a_span_of_the_clients_trace_with_its_transaction_below() {
    let collector = Collector::start();
    let server = sending(&collector.url()).env("OTEL_TRACES_SAMPLER", "parentbased_always_off").start();
    let tenant = Tenant::on(&server);
    let unasked = create_flow(&tenant, &[]);
    let traced = create_flow(&tenant, &[("traceparent", &format!("00-{TRACE}-{PARENT}-01"))]);
    assert!(traced.status < 300, "{}", traced.body);

    let of_trace = || collector.spans().into_iter().filter(|span| span.trace == TRACE).collect::<Vec<_>>();
    let (request, transaction) = eventually("the spans have come", || {
        let spans = of_trace();
        let request = spans.iter().find(|span| span.parent == PARENT).cloned();
        let transaction = spans.iter().find(|span| span.name == "transaction").cloned();
        request.zip(transaction).ok_or(spans)
    });
    assert_eq!(request.name, "flows::create");
    assert_eq!(request.service, "prefecture");
    for (name, value) in [
        ("prefecture.operation", "flows::create"),
        ("prefecture.account", tenant.account.id.as_str()),
        ("prefecture.workspace", tenant.workspace_id.as_str()),
        ("http.request.method", "POST"),
        ("http.response.status_code", &traced.status.to_string()),
    ] {
        assert_eq!(request.attribute(name), Some(value), "{name} of {request:?}");
    }
    assert_eq!(transaction.parent, request.id);
    assert_eq!(transaction.attribute("prefecture.lane"), Some("hot"));
    assert!(transaction.attribute("prefecture.wait_us").is_some(), "{transaction:?}");

    let given_back = traced.header("traceresponse").unwrap_or_default();
    assert_eq!(given_back, format!("00-{TRACE}-{}-01", request.id));
    let unasked = unasked.header("traceresponse").unwrap_or_default().to_owned();
    assert!(unasked.ends_with("-00"), "whom nobody asked to trace is not: {unasked:?}");
    let others: Vec<_> = collector.spans().into_iter().filter(|span| span.trace != TRACE).collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn no_key_no_body_and_no_query_reaches_the_collector_or_the_log() {
    let collector = Collector::start();
    let server = sending(&collector.url())
        .env("OTEL_TRACES_SAMPLER", "always_on")
        .env("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20the-collectors-own")
        .env("PREFECTURE_LOG", "trace,hyper=trace,tokio_postgres::connection=trace,reqwest=trace")
        .env("PREFECTURE_ACCESS_LOG", "on")
        .start();
    let tenant = Tenant::on(&server);
    create_flow(&tenant, &[("traceparent", &format!("00-{TRACE}-{PARENT}-01"))]).expect(201);
    let refused = create_flow(&tenant.with_key(&format!("pnu_{MARKER}")), &[]);
    assert_eq!(refused.status, 401);
    eventually("both requests have come", || {
        let spans = collector.spans();
        let statuses = ["201", "401"]
            .map(|status| spans.iter().any(|span| span.attribute("http.response.status_code") == Some(status)));
        if statuses == [true, true] && !collector.metrics().is_empty() { Ok(()) } else { Err(spans) }
    });
    let heads = collector.heads();
    let shown = heads.iter().all(|head| head.to_lowercase().contains("authorization: bearer the-collectors-own"));
    assert!(shown, "the collector is shown its own key: {heads:?}");

    let sent = String::from_utf8_lossy(&collector.bytes()).into_owned();
    let log = server.log();
    assert!(log.contains("flows::create"), "the access log is on:\n{log}");
    assert!(log.contains(TRACE), "the trace is in the lines of the log:\n{log}");
    for secret in [tenant.key.as_str(), MARKER] {
        assert!(!sent.contains(secret), "{secret} was sent to the collector");
        assert_eq!(log.lines().find(|line| line.contains(secret)), None, "{secret} is in the log");
    }
    assert_eq!(log.lines().find(|line| line.contains("the-collectors-own")), None, "the collector's key is in the log");
}

#[test]
fn the_metrics_that_are_sent_are_those_that_are_shown() {
    let collector = Collector::start();
    let server = sending(&collector.url()).start();
    let shown = server.api().at(&server.metrics_url()).get("").body;
    let shown = shown.as_str().unwrap_or_default().to_owned();
    let mut shown: Vec<_> = shown.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    shown.sort_unstable();
    assert!(shown.contains(&"prefecture_requests_total"), "{shown:?}");
    eventually("all metrics have come", || {
        let sent = collector.metrics();
        if sent == shown { Ok(()) } else { Err(sent) }
    });
}

#[test]
fn a_collector_that_is_away_or_hangs_harms_no_request() {
    let hung = Collector::hung();
    let nobody = format!("http://127.0.0.1:{}", free_port());
    for (collector, counted) in [(nobody, true), (hung.url(), false)] {
        let mut server = sending(&collector)
            .env("OTEL_TRACES_SAMPLER", "always_on")
            .env("OTEL_BSP_MAX_QUEUE_SIZE", "8")
            .env("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4")
            .start();
        let tenant = Tenant::on(&server);
        let begun = std::time::Instant::now();
        for n in 0..100 {
            tenant.api().post("/flows/", &json!({"name": format!("flow-{n}")})).expect(201);
        }
        // The collector is waited for ten seconds: one request that waited for it would take longer than all of these.
        assert!(begun.elapsed().as_secs() < 9, "{:?} with {collector}", begun.elapsed());
        if counted {
            eventually("failures are counted", || {
                let metrics = server.api().at(&server.metrics_url()).get("").body;
                let metrics = metrics.as_str().unwrap_or_default().to_owned();
                let failed = r#"prefecture_telemetry_exports_total{outcome="failed",signal="traces"} "#;
                let count = metrics.lines().find_map(|line| line.strip_prefix(failed)?.parse::<f64>().ok());
                if count > Some(1.0) { Ok(()) } else { Err(count) }
            });
            let said = server.log().matches("does not take telemetry").count();
            assert!((1..=2).contains(&said), "once for each signal, not at each failure: {said}");
        }
        server.sigterm();
        assert!(server.wait().success(), "it ends all the same:\n{}", server.log());
    }
}

#[test]
fn without_an_address_nothing_is_traced() {
    let server = Server::builder().env("PREFECTURE_ACCESS_LOG", "on").start();
    let tenant = Tenant::on(&server);
    let answer = create_flow(&tenant, &[("traceparent", &format!("00-{TRACE}-{PARENT}-01"))]);
    assert_eq!(answer.header("traceresponse"), None);
    eventually("the client's trace is in the log all the same", || {
        if server.log().contains(TRACE) { Ok(()) } else { Err(server.log()) }
    });
}

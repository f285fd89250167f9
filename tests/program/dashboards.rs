//! What an operator's dashboard and rules ask for is what the program measures.

use std::collections::BTreeSet;
use std::path::Path;

use regex::Regex;
use serde_json::Value;
use tests::Server;

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every query of a dashboard, wherever it stands.
fn queries(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            let own = fields.get("expr").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(fields.values().flat_map(queries)).collect()
        }
        Value::Array(items) => items.iter().flat_map(queries).collect(),
        _ => Vec::new(),
    }
}

/// The metrics that a query names: what is neither label, duration, string, function nor word of the language.
fn named(query: &str) -> BTreeSet<String> {
    let pattern = |text| Regex::new(text).expect("a valid pattern");
    let query = pattern(r"\{[^}]*\}|\[[^\]]*\]").replace_all(query, " ");
    let query = pattern(r#""[^"]*""#).replace_all(&query, " ");
    let query = pattern(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)").replace_all(&query, " ");
    let words = pattern(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(\(?)");
    let words = words.captures_iter(&query).filter(|found| found[2].is_empty()).map(|found| found[1].to_owned());
    words.filter(|word| !["and", "or", "unless", "bool", "offset", "e"].contains(&word.as_str())).collect()
}

fn known(metrics: &str, name: &str) -> bool {
    // What Prometheus itself says of each target.
    let parts = ["_bucket", "_sum", "_count"].iter().filter_map(|part| name.strip_suffix(part));
    let has = |name: &str| metrics.lines().any(|line| line.starts_with(&format!("# TYPE {name} ")));
    name == "up" || has(name) || parts.into_iter().any(has)
}

fn unknown(queries: &[String], metrics: &str) -> Vec<String> {
    let names: BTreeSet<String> = queries.iter().flat_map(|query| named(query)).collect();
    names.into_iter().filter(|name| !known(metrics, name)).collect()
}

#[test]
fn the_metrics_of_a_query_are_found_in_it() {
    let query =
        r#"sum by (lane) (rate(a_total{x="y{"}[5m])) / on (lane) b_seconds > 0 and histogram_quantile(0.9, c_bucket)"#;
    assert_eq!(named(query).into_iter().collect::<Vec<_>>(), ["a_total", "b_seconds", "c_bucket"]);
}

#[test]
fn every_metric_of_the_dashboard_and_the_rules_is_measured_from_the_start() {
    let server = Server::builder().start();
    let metrics = server.api().at(&server.metrics_url()).get("").body;
    let metrics = metrics.as_str().expect("text").to_owned();

    let dashboard: Value = serde_json::from_str(&read("grafana/dashboard.json")).expect("JSON");
    let asked = queries(&dashboard);
    assert!(asked.len() > 10, "the dashboard asks: {asked:?}");
    assert_eq!(unknown(&asked, &metrics), Vec::<String>::new(), "deploy/grafana/dashboard.json");

    let rules = read("prometheus/alerts.yaml");
    let asked: Vec<String> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).map(str::to_owned).collect();
    let alerts = rules.lines().filter(|line| line.trim().starts_with("- alert: ")).count();
    assert_eq!(asked.len(), alerts, "each alert has its expression on one line, where this test reads it");
    assert!(alerts > 5, "{rules}");
    assert_eq!(unknown(&asked, &metrics), Vec::<String>::new(), "deploy/prometheus/alerts.yaml");
}

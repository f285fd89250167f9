//! Pages of other origins: none may call the API, until settings name them.

use tests::{Api, Server, Tenant};

const OURS: &str = "https://app.example.com";
const PREFLIGHT: [(&str, &str); 2] =
    [("access-control-request-method", "POST"), ("access-control-request-headers", "authorization,content-type")];

fn preflight(api: &Api, origin: &str) -> tests::Answer {
    let headers = [&[("origin", origin)][..], &PREFLIGHT].concat();
    api.with_key(None).request("OPTIONS", "/flows/filter", &headers, None)
}

#[test]
fn without_a_setting_no_page_is_let_in() {
    let api = Tenant::fresh().api();
    let refused = preflight(&api, OURS);
    assert_eq!(refused.status, 405, "{}", refused.body);
    let answer = api.request("GET", "/flow_runs/", &[("origin", OURS)], None);
    for answer in [refused, answer] {
        assert!(!answer.headers.keys().any(|name| name.as_str().starts_with("access-control")), "{:?}", answer.headers);
    }
}

#[test]
fn a_named_origin_is_told_what_it_may_before_any_key_is_asked_for() {
    let server = Server::builder().env("PREFECTURE_CORS_ORIGINS", &format!("{OURS},http://localhost:3000")).start();
    let api = Tenant::on(&server).api();
    for origin in [OURS, "http://localhost:3000"] {
        let answer = preflight(&api, origin);
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
        assert_eq!(answer.header("access-control-allow-headers"), Some("authorization,content-type"));
        assert!(answer.header("access-control-allow-methods").is_some_and(|methods| methods.contains("PATCH")));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        let vary = answer.header("vary").unwrap_or_default().to_lowercase();
        assert!(vary.contains("origin") && vary.contains("access-control-request-headers"), "{vary}");
    }
    // The answers to the page, refusals too: it may read their status, and when to come again.
    for (key, status) in [(api.key(), 200), (None, 401)] {
        let body = Some(b"{}".to_vec());
        let answer = api.with_key(key).request("POST", "/flows/filter", &[("origin", OURS)], body);
        assert_eq!(answer.status, status, "{}", answer.body);
        assert_eq!(answer.header("access-control-allow-origin"), Some(OURS));
        assert!(answer.header("access-control-expose-headers").is_some_and(|names| names.contains("retry-after")));
        assert!(answer.header("vary").unwrap_or_default().to_lowercase().contains("origin"));
    }
    for stranger in ["https://evil.example.com", "https://app.example.com.evil.com", "http://app.example.com", "null"] {
        assert_eq!(preflight(&api, stranger).header("access-control-allow-origin"), None, "{stranger}");
    }
}

#[test]
fn all_origins_may_be_let_in() {
    let server = Server::builder().env("PREFECTURE_CORS_ORIGINS", "*").start();
    let answer = preflight(&Tenant::on(&server).api(), "https://anybody.example.com");
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
}

#[test]
fn what_is_no_origin_is_refused_at_the_start() {
    let refused = Server::builder().env("PREFECTURE_CORS_ORIGINS", "https://app.example.com/ui").refused();
    assert!(refused.err.contains("PREFECTURE_CORS_ORIGINS") && refused.err.contains("https://app.example.com"));
}

//! `prefecture migrate` and `prefecture serve`.

use tests::Server;

#[test]
fn told_to_stop_it_ends_well() {
    let mut server = Server::builder().start();
    assert_eq!(server.api().get("/api/health").status, 200);
    server.sigterm();
    let status = server.wait();
    assert!(status.success(), "SIGTERM is no failure: {status}\n{}", server.log());
}

#[test]
fn killed_it_comes_back_at_the_same_address() {
    let mut server = Server::builder().start();
    server.kill9();
    let gone = server.api().try_request("GET", "/api/health", &[], None);
    assert!(gone.is_err(), "nobody should answer: {gone:?}");
    server.start_again();
    assert_eq!(server.api().get("/api/ready").status, 200);
}

#[test]
fn what_is_migrated_can_be_migrated_again() {
    let server = Server::builder().start();
    let again = server.run(&["migrate"]);
    assert!(again.status.success(), "{}{}", again.out, again.err);
}

#[test]
fn metrics_have_a_listener_of_their_own() {
    let server = Server::builder().start();
    let metrics = server.api().at(&server.metrics_url()).get("");
    assert_eq!(metrics.status, 200);
    assert!(metrics.body.as_str().is_some_and(|text| text.contains("# TYPE")), "Prometheus text: {}", metrics.body);
    assert_eq!(server.api().get("/metrics").status, 404, "the public listener has none");
}

#[test]
fn the_docs_load_what_they_need_from_here() {
    let server = Server::shared();
    let page = server.api().get("/docs/").expect(200);
    let page = page.as_str().expect("a page");
    let needed: Vec<&str> = ["src=\"", "href=\""]
        .iter()
        .flat_map(|attribute| page.split(attribute).skip(1))
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(needed.len() >= 3, "scripts and styles: {page}");
    for path in needed {
        assert!(path.starts_with("/docs/"), "{path} is from elsewhere");
        assert_eq!(server.api().get(path).status, 200, "{path}");
    }
}

#[test]
fn a_wrong_setting_is_refused_by_name_with_a_value_that_would_do() {
    for (name, wrong, hint) in [
        ("PREFECTURE_DATABASE_URL", "mysql//nowhere", "postgres"),
        ("PREFECTURE_LISTEN", "nowhere", ""),
        ("PREFECTURE_POOL_SIZE", "0", "16"),
        ("PREFECTURE_POOL_WAIT", "0s", "100ms"),
        ("PREFECTURE_DATABASE_PATIENCE", "99ms", "100ms"),
        ("PREFECTURE_IDLE_TRANSACTION", "61s", "60s"),
        ("PREFECTURE_REQUEST_TIMEOUT", "soon", "10s"),
        ("PREFECTURE_TEMPLATE_TIME", "1500ms", "1s"),
        ("PREFECTURE_TEMPLATE_MEMORY", "1024", "67108864"),
        ("PREFECTURE_TEMPLATES_AT_ONCE", "0", "2"),
        ("PREFECTURE_DEFAULT_WORKSPACE", "no-slash", "/"),
    ] {
        let refused = Server::builder().env(name, wrong).refused();
        let flag = name.trim_start_matches("PREFECTURE_").to_lowercase().replace('_', "-");
        let named = refused.err.contains(name) || refused.err.contains(&flag);
        assert!(named && refused.err.contains(hint), "{name}={wrong}: {}", refused.err);
        assert!(!refused.err.contains("panicked"), "{name}={wrong}: {}", refused.err);
    }
}

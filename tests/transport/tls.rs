//! TLS and HTTP/2, with the SDK and with `curl`; certificates are taken up anew without a restart.

use std::path::Path;

use tests::flow::runs_whole;
use tests::{Certificate, Client, Folder, Server, Tenant, eventually};

use crate::curl::curl;

fn serve(folder: &Folder, certificate: &Certificate) -> Server {
    let (certificate, key) = certificate.write(folder);
    Server::builder()
        .env("PREFECTURE_TLS_CERTIFICATE", &certificate.display().to_string())
        .env("PREFECTURE_TLS_KEY", &key.display().to_string())
        .env("PREFECTURE_TLS_RELOAD", "200ms")
        .start()
}

/// Whether a client that trusts this authority alone is answered.
fn trusts(server: &Server, authority: &Path) -> Result<(), String> {
    let url = format!("{}/api/health", server.url());
    let got = curl(&["--cacert", &authority.display().to_string(), &url]);
    if got.status == 200 { Ok(()) } else { Err(got.error) }
}

#[test]
fn http_2_is_agreed_on_with_tls_and_taken_at_its_word_without() {
    let (folder, certificate) = (Folder::new("tls"), Certificate::new());
    let secure = serve(&folder, &certificate);
    assert!(secure.url().starts_with("https://"), "{}", secure.url());
    let authority = certificate.authority(&folder, "ca.pem").display().to_string();
    let url = format!("{}/api/health", secure.url());
    for (wish, version) in [("--http2", "2"), ("--http1.1", "1.1")] {
        let got = curl(&["--cacert", &authority, wish, &url]);
        assert_eq!((got.status, got.version.as_str()), (200, version), "{wish}: {}", got.error);
    }
    for old in ["--tls-max", "1.1"].chunks(2) {
        let got = curl(&["--cacert", &authority, "--ciphers", "DEFAULT@SECLEVEL=0", old[0], old[1], &url]);
        assert_eq!(got.status, 0, "TLS 1.1 is no longer spoken");
    }
    let plain = format!("{}/api/health", Server::shared().url());
    for (wish, version) in [("--http2-prior-knowledge", "2"), ("--http1.1", "1.1"), ("--http2", "1.1")] {
        let got = curl(&[wish, &plain]);
        assert_eq!((got.status, got.version.as_str()), (200, version), "{wish}: {}", got.error);
    }
}

#[test]
fn the_sdk_runs_a_flow_over_tls_and_http_2() {
    let (folder, certificate) = (Folder::new("tls"), Certificate::new());
    let server = serve(&folder, &certificate);
    let authority = certificate.authority(&folder, "ca.pem").display().to_string();
    // The tenant is made where the tests' own client can make it: at a second replica, without TLS.
    let replica = Server::builder().database(server.database()).start();
    let tenant = Tenant::on(&replica);
    let secure = |url: String| url.replace(replica.url(), server.url());
    let client = Client::fresh()
        .env("PREFECT_API_URL", &secure(tenant.api_url()))
        .env("PREFECT_CLOUD_API_URL", &secure(tenant.cloud_api_url()))
        .env("PREFECT_API_KEY", &tenant.key)
        .env("PREFECT_API_SSL_CERT_FILE", &authority)
        .env("PREFECT_API_ENABLE_HTTP2", "true");
    runs_whole(&tenant, client);
}

#[test]
fn a_new_certificate_is_taken_up_and_a_broken_one_is_not() {
    let (folder, first, second) = (Folder::new("tls"), Certificate::new(), Certificate::new());
    let server = serve(&folder, &first);
    let (old, new) = (first.authority(&folder, "old.pem"), second.authority(&folder, "new.pem"));
    assert_eq!(trusts(&server, &old), Ok(()));

    // Its key is not there yet.
    second.write_without_key(&folder);
    eventually("the log says that they do not belong together", || {
        server.log().contains("new connections get the one before it").then_some(()).ok_or("not yet")
    });
    assert_eq!(trusts(&server, &old), Ok(()));

    second.write(&folder);
    eventually("the new certificate is served", || trusts(&server, &new));
    assert!(trusts(&server, &old).is_err(), "the old one is served still");
}

#[test]
fn sighup_is_enough() {
    let (folder, first, second) = (Folder::new("tls"), Certificate::new(), Certificate::new());
    let (certificate, key) = first.write(&folder);
    let server = Server::builder()
        .env("PREFECTURE_TLS_CERTIFICATE", &certificate.display().to_string())
        .env("PREFECTURE_TLS_KEY", &key.display().to_string())
        .env("PREFECTURE_TLS_RELOAD", "1h")
        .start();
    let new = second.authority(&folder, "new.pem");
    second.write(&folder);
    assert!(trusts(&server, &new).is_err(), "nobody has told it yet");
    server.signal("HUP");
    eventually("the new certificate is served", || trusts(&server, &new));
}

#[test]
fn half_a_setting_or_a_broken_file_is_refused_at_the_start() {
    let (folder, one, other) = (Folder::new("tls"), Certificate::new(), Certificate::new());
    let (certificate, key) = one.write(&folder);
    let [certificate, key] = [certificate, key].map(|path| path.display().to_string());
    let half = Server::builder().env("PREFECTURE_TLS_CERTIFICATE", &certificate).refused();
    assert!(half.err.contains("PREFECTURE_TLS_KEY"), "{}", half.err);
    let both = |certificate: &str, key: &str| {
        Server::builder().env("PREFECTURE_TLS_CERTIFICATE", certificate).env("PREFECTURE_TLS_KEY", key).refused().err
    };
    let missing = both(&certificate, "/nowhere/tls.key");
    assert!(missing.contains("/nowhere/tls.key"), "{missing}");
    let no_pem = both(&key, &key);
    assert!(no_pem.contains("holds no certificate"), "{no_pem}");
    other.write_without_key(&folder);
    let strangers = both(&certificate, &key);
    assert!(strangers.contains("cannot be used together"), "{strangers}");
    assert!(![missing, no_pem, strangers].iter().any(|said| said.contains("PRIVATE KEY") || said.contains("panicked")));
}

//! nginx in front, with the configuration that deploy/nginx.conf gives as an example.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use tests::flow::runs_whole;
use tests::{Certificate, Client, Folder, Running, Server, Tenant, eventually, free_port, installed, unprivileged};

use crate::curl::curl;

const EXAMPLE: &str = include_str!("../../deploy/nginx.conf");

/// Ended when dropped.
struct Nginx {
    _running: Running,
    url: String,
    authority: PathBuf,
    folder: Folder,
}

impl Nginx {
    fn before(server: &Server) -> Nginx {
        let (folder, certificate, port) = (Folder::new("nginx"), Certificate::new(), free_port());
        let (tls_certificate, tls_key) = certificate.write(&folder);
        let mut example = EXAMPLE.to_owned();
        for (written, here) in [
            ("server 127.0.0.1:4200;", format!("server {};", server.url().trim_start_matches("http://"))),
            ("listen 443 ssl http2;", format!("listen 127.0.0.1:{port} ssl http2;")),
            ("/etc/prefecture/tls.crt", tls_certificate.display().to_string()),
            ("/etc/prefecture/tls.key", tls_key.display().to_string()),
        ] {
            assert!(example.contains(written), "deploy/nginx.conf says {written:?}");
            example = example.replace(written, &here);
        }
        let at = folder.path().display();
        let whole = format!(
            "daemon off; worker_processes 1; pid {at}/pid; error_log stderr;\n\
             events {{ worker_connections 256; }}\n\
             http {{ access_log off; client_body_temp_path {at}/body; proxy_temp_path {at}/proxy;\n\
             fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;\n{example}\n}}\n"
        );
        let conf = folder.path().join("nginx.conf");
        std::fs::write(&conf, whole).expect("the folder is ours");
        let mut nginx = Command::new(installed("nginx"));
        nginx.args(["-e", "stderr", "-p", &at.to_string(), "-c", &conf.display().to_string()]);
        if folder.is_roots() {
            let (uid, gid) = unprivileged();
            for path in [folder.path(), &tls_key] {
                chown(path, Some(uid), Some(gid)).expect("root may");
            }
            nginx.uid(uid).gid(gid);
        }
        let mut running = Running::start("nginx", nginx, &folder.path().join("nginx.log"), "QUIT");
        eventually("nginx listens", || {
            assert!(running.ended().is_none(), "nginx did not start:\n{}", running.log());
            std::net::TcpStream::connect(("127.0.0.1", port)).map(drop)
        });
        let authority = certificate.authority(&folder, "ca.pem");
        Nginx { _running: running, url: format!("https://127.0.0.1:{port}"), authority, folder }
    }

    fn curl(&self, more: &[&str]) -> crate::curl::Got {
        curl(&[&["--cacert", &self.authority.display().to_string()][..], more].concat())
    }
}

#[test]
fn the_sdk_runs_a_flow_through_nginx_with_its_web_sockets() {
    let tenant = Tenant::fresh();
    let nginx = Nginx::before(Server::shared());
    let through = |url: String| url.replace(Server::shared().url(), &nginx.url);
    let client = Client::fresh()
        .env("PREFECT_API_URL", &through(tenant.api_url()))
        .env("PREFECT_CLOUD_API_URL", &through(tenant.cloud_api_url()))
        .env("PREFECT_API_KEY", &tenant.key)
        .env("PREFECT_API_SSL_CERT_FILE", &nginx.authority.display().to_string());
    runs_whole(&tenant, client);
    assert!(nginx.folder.path().is_dir());
}

#[test]
fn nginx_says_who_calls_and_passes_paths_as_they_are() {
    let server = Server::builder()
        .env("PREFECTURE_TRUSTED_PROXIES", "127.0.0.1")
        .env("PREFECTURE_LOG", "info,access=debug")
        .start();
    let tenant = Tenant::on(&server);
    let nginx = Nginx::before(&server);
    let id = uuid::Uuid::new_v4().simple().to_string();
    let url = format!("{}/api/health", nginx.url);
    let header = format!("x-request-id: {id}");
    let forged = "x-forwarded-for: 6.6.6.6";
    let got = nginx.curl(&["--interface", "127.0.0.9", "--header", &header, "--header", forged, &url]);
    assert_eq!((got.status, got.version.as_str()), (200, "2"), "{}", got.error);
    eventually("the caller's address is in the log", || {
        let found = server.log().lines().any(|line| line.contains(&id) && line.contains("client=127.0.0.9"));
        if found { Ok(()) } else { Err(server.log()) }
    });
    // What stands in an address is not nginx's to read.
    let key = format!("authorization: Bearer {}", tenant.key);
    for path in ["/flows/name/a%2Fb", "//flows/name/a", "/./flows/name/a", "/flows/%6eame/a", "/flow%73/name/a"] {
        let direct = format!("{}{path}", tenant.api_url());
        let [direct, through] = [direct.clone(), direct.replace(server.url(), &nginx.url)]
            .map(|url| nginx.curl(&["--path-as-is", "--header", &key, &url]))
            .map(|got| (got.status, String::from_utf8_lossy(&got.body).into_owned()));
        assert_eq!(through, direct, "{path}");
    }
}

#[test]
fn the_doctor_finds_it_well() {
    let server = Server::shared();
    let nginx = Nginx::before(server);
    // A shell of the operator's, in which nginx's authority is trusted.
    let operator = Server::builder()
        .database(server.database())
        .env("SSL_CERT_FILE", &nginx.authority.display().to_string())
        .start();
    let said = operator.run(&["doctor", "--public-url", &nginx.url, "--output", "json"]);
    let found: serde_json::Value = serde_json::from_str(&said.out).expect("a list");
    let found = found.as_array().expect("a list");
    for check in [
        "public address",
        "trailing slashes",
        "headers",
        "web sockets",
        "quiet connections",
        "authorization",
        "large bodies",
    ] {
        let good = found.iter().any(|found| found["check"] == check && found["verdict"] == "good");
        assert!(good, "{check}: {}", said.out);
    }
    let untrusted = server.run(&["doctor", "--public-url", &nginx.url]);
    assert!(
        untrusted.out.contains("BAD      public address") && untrusted.out.contains("certificate"),
        "{}",
        untrusted.out
    );
}

//! TLS between the server and Postgres.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use tests::flow::runs_whole;
use tests::{Certificate, Client, Cluster, Database, Folder, Server, Tenant, program, unprivileged};

/// Postgres takes up the certificate, which it reads as whoever it runs as.
fn serve_tls(database: &Database, certificate: &Certificate, folder: &Folder) {
    let (certificate, key) = certificate.write(folder);
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).expect("the file is ours");
    if folder.is_roots() {
        let (uid, gid) = unprivileged();
        for file in [&certificate, &key] {
            chown(file, Some(uid), Some(gid)).expect("root may");
        }
    }
    for (setting, value) in [("ssl_cert_file", certificate.as_path()), ("ssl_key_file", &key), ("ssl", Path::new("on"))]
    {
        database.sql(&format!("alter system set {setting} = '{}'", value.display()));
    }
    database.sql("select pg_reload_conf()");
    tests::eventually("postgres speaks TLS", || match database.sql("show ssl").as_str() {
        "on" => Ok(()),
        other => Err(other.to_owned()),
    });
}

#[test]
fn every_connection_to_postgres_is_encrypted_and_its_certificate_checked() {
    let database = Cluster::own().database();
    let (folder, ours, another) = (Folder::new("certificate"), Certificate::new(), Certificate::new());
    serve_tls(&database, &ours, &folder);
    let (trusted, foreign) = (ours.authority(&folder, "ours.pem"), another.authority(&folder, "another.pem"));
    let by = |url: String, roots: &Path| format!("{url}?sslmode=verify-full&sslrootcert={}", roots.display());

    let server = Server::builder()
        .database(&database)
        .env("PREFECTURE_DATABASE_URL", &by(database.url(), &trusted))
        .env("PREFECTURE_OWNER_DATABASE_URL", &by(database.owner_url(), &trusted))
        .start();
    let tenant = Tenant::on(&server);
    runs_whole(&tenant, Client::of(&tenant));
    let connections = database.sql(
        "select count(*) filter (where s.ssl), count(*) from pg_stat_ssl s join pg_stat_activity a using (pid)
         where a.usename like 'prefecture%'",
    );
    let (encrypted, all) = connections.split_once('|').expect("two columns");
    assert!(encrypted == all && all != "0", "{encrypted} of {all} connections are encrypted");

    let mut stranger = Command::new(program());
    stranger.arg("migrate").env("PREFECTURE_DATABASE_URL", by(database.owner_url(), &foreign));
    let refused = stranger.output().expect("the program can be run");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("certificate"), "{said}");
}

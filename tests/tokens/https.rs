//! Issuers behind TLS: whose certificate is trusted, and whose is not.

use jsonwebtoken::Algorithm;
use serde_json::json;
use tests::{Account, Authority, Certificate, Folder, Issuer, Server, eventually};

use super::identity;

/// The status that a token of this issuer gets.
fn status(server: &Server, issuer: &Issuer) -> u16 {
    let key = issuer.key(Algorithm::ES256);
    server.admin(&["issuers", "create", issuer.url()]);
    let tenant = Account::create(server).workspace();
    identity(&tenant.account, issuer, &tenant.bot("Viewer"), json!({}));
    tenant.api().with_key(Some(&issuer.token(&key, json!({})))).get("/").status
}

#[test]
fn an_issuer_is_trusted_by_the_authority_that_is_named_and_by_no_other() {
    let (folder, authority) = (Folder::new("issuer"), Authority::new());
    let file = authority.write(&folder, "authority.pem");
    let server = Server::builder().env("PREFECTURE_ISSUER_CA", file.to_str().expect("UTF-8")).start();
    assert_eq!(status(&server, &Issuer::start_with(&authority.issue())), 200);

    for stranger in [Certificate::new(), Authority::new().issue()] {
        let issuer = Issuer::start_with(&stranger);
        assert_eq!(status(&server, &issuer), 503);
        assert_eq!(issuer.fetches(), 0, "it was asked all the same");
        // The operator is told which and why.
        eventually("it is in the log", || {
            let log = server.log();
            let told = log.lines().any(|line| line.contains(issuer.url()) && line.contains("certificate"));
            if told { Ok(()) } else { Err(log) }
        });
    }
}

#[test]
fn without_an_authority_named_a_private_one_is_not_trusted() {
    let issuer = Issuer::start_with(&Authority::new().issue());
    assert_eq!(status(Server::shared(), &issuer), 503);
    assert_eq!(issuer.fetches(), 0);
}

#[test]
fn an_authority_that_cannot_be_read_is_said_at_the_start() {
    let folder = Folder::new("issuer");
    let missing = folder.path().join("missing.pem");
    let refused = Server::builder().env("PREFECTURE_ISSUER_CA", missing.to_str().expect("UTF-8")).refused();
    assert!(refused.err.contains("PREFECTURE_ISSUER_CA"), "{}", refused.err);
}

//! The program asks for keys where the operator said, and is no messenger to other places.

use jsonwebtoken::Algorithm;
use serde_json::json;
use tests::{Account, Issuer, IssuerKey, Mood, Server, Tenant};

use super::identity;

/// An issuer that was named in some way, with a service account behind it.
struct Named {
    issuer: Issuer,
    key: IssuerKey,
    tenant: Tenant,
}

impl Named {
    /// `jwks` is where the operator says that its keys are.
    fn new(issuer: Issuer, jwks: Option<&str>) -> Named {
        let server = Server::shared();
        let key = issuer.key(Algorithm::ES256);
        let jwks: Vec<&str> = jwks.map(|url| vec!["--jwks-url", url]).unwrap_or_default();
        server.admin(&[vec!["issuers", "create", issuer.url()], jwks].concat());
        let tenant = Account::create(server).workspace();
        identity(&tenant.account, &issuer, &tenant.bot("Viewer"), json!({}));
        Named { issuer, key, tenant }
    }

    fn status(&self) -> u16 {
        self.tenant.api().with_key(Some(&self.issuer.token(&self.key, json!({})))).get("/").status
    }
}

#[test]
fn a_redirect_to_another_host_is_not_followed() {
    let elsewhere = Issuer::start();
    // Another name of the same machine is another host.
    let target = elsewhere.url().replace("127.0.0.1", "localhost");
    let issuer = Issuer::start();
    issuer.instead(Issuer::KEYS, &format!("302 Found\r\nlocation: {target}{}", Issuer::KEYS), "");
    let named = Named::new(issuer, None);
    elsewhere.publish(&named.key.public);
    assert_eq!(named.status(), 503);
    assert_eq!(elsewhere.fetches(), 0, "it was asked all the same");

    // On the host itself it is.
    let issuer = Issuer::start();
    issuer.instead("/old", &format!("307 Temporary Redirect\r\nlocation: {}", Issuer::KEYS), "");
    let old = format!("{}/old", issuer.url());
    assert_eq!(Named::new(issuer, Some(&old)).status(), 200);
    // But not for ever.
    let issuer = Issuer::start();
    issuer.instead(Issuer::KEYS, &format!("302 Found\r\nlocation: {}", Issuer::KEYS), "");
    let named = Named::new(issuer, None);
    assert_eq!(named.status(), 503);
    assert!(named.issuer.fetches() < 50);
}

#[test]
fn a_document_cannot_send_the_program_elsewhere() {
    let elsewhere = Issuer::start();
    let issuer = Issuer::start();
    let target = elsewhere.url().replace("127.0.0.1", "localhost");
    let document = json!({ "issuer": issuer.url(), "jwks_uri": format!("{target}{}", Issuer::KEYS) });
    issuer.instead(Issuer::DISCOVERY, "200 OK", &document.to_string());
    let named = Named::new(issuer, None);
    elsewhere.publish(&named.key.public);
    assert_eq!(named.status(), 503);
    assert_eq!(elsewhere.fetches(), 0);
    // Unless the operator says so.
    let issuer = Issuer::start();
    issuer.mood(Mood::Down);
    let named = Named::new(issuer, Some(&format!("{target}{}", Issuer::KEYS)));
    elsewhere.publish(&named.key.public);
    assert_eq!(named.status(), 200);
}

#[test]
fn one_issuer_cannot_speak_for_another() {
    let issuer = Issuer::start();
    let document =
        json!({ "issuer": "https://another.example", "jwks_uri": format!("{}{}", issuer.url(), Issuer::KEYS) });
    issuer.instead(Issuer::DISCOVERY, "200 OK", &document.to_string());
    assert_eq!(Named::new(issuer, None).status(), 503);
}

#[test]
fn an_answer_is_read_to_a_bound_and_no_further() {
    for (head, body) in [
        ("200 OK", format!(r#"{{"keys": [], "padding": "{}"}}"#, "x".repeat(300_000))),
        ("200 OK", "no JSON".to_owned()),
        ("200 OK", r#"{"keys": []}"#.to_owned()),
        ("500 Internal Server Error", r#"{"keys": []}"#.to_owned()),
    ] {
        let issuer = Issuer::start();
        issuer.instead(Issuer::KEYS, head, &body);
        assert_eq!(Named::new(issuer, None).status(), 503, "{head} {}", &body[..body.len().min(40)]);
    }
}

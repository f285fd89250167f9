//! What is no token of the issuer, or not now, or not for us: one 401 for all.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tests::{Incoming, IssuerKey, Server, Socket, now};

use super::Ground;

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[test]
fn a_signature_counts_only_by_the_keys_own_algorithm() {
    let ground = Ground::with(Server::shared(), Algorithm::RS256);
    let claims = ground.issuer.claims();
    ground.api(&ground.key.sign(&claims)).get("/").expect(200);

    // The same key, another algorithm of its kind than the one it is published with.
    let pss = ground.key.published_as(json!({ "kid": "pss", "alg": "PS256" }));
    ground.issuer.publish(&pss.public);
    let header = Header { kid: Some(ground.key.id.clone()), ..Header::new(Algorithm::PS256) };
    ground.refused("PS256 by a key of RS256", &ground.key.sign_with(header, &claims));

    // Another's key under the name of the issuer's.
    let other = IssuerKey::new(Algorithm::RS256);
    let header = Header { kid: Some(ground.key.id.clone()), ..Header::new(Algorithm::RS256) };
    ground.refused("signed by a stranger", &other.sign_with(header, &claims));
    let other = IssuerKey::new(Algorithm::EdDSA);
    let header = Header { kid: Some(ground.key.id.clone()), ..Header::new(Algorithm::EdDSA) };
    ground.refused("another kind of key", &other.sign_with(header, &claims));

    // A key that the token brings along.
    let mut header = Header { kid: Some(ground.key.id.clone()), ..Header::new(Algorithm::RS256) };
    let stranger = IssuerKey::new(Algorithm::RS256);
    header.jwk = serde_json::from_value(stranger.public.clone()).ok();
    header.jku = Some(format!("{}/keys", ground.issuer.url()));
    ground.refused("a key of its own in the head", &stranger.sign_with(header, &claims));
}

#[test]
fn none_and_shared_secrets_are_no_signatures() {
    let ground = Ground::with(Server::shared(), Algorithm::RS256);
    let claims = ground.issuer.claims();
    for none in ["none", "None", "NONE", "nOnE"] {
        let head = json!({ "alg": none, "typ": "JWT", "kid": ground.key.id });
        for signature in ["", "AAAA"] {
            ground.refused(none, &format!("{}.{}.{signature}", part(&head), part(&claims)));
        }
    }
    // The public key, which everybody has, as the secret of an HMAC; in the forms that libraries have fallen for.
    let header = Header { kid: Some(ground.key.id.clone()), ..Header::new(Algorithm::HS256) };
    let modulus = ground.key.public["n"].as_str().expect("an RSA key has one");
    let forms = [
        modulus.as_bytes().to_vec(),
        URL_SAFE_NO_PAD.decode(modulus).expect("it is base 64"),
        ground.key.public.to_string().into_bytes(),
        Vec::new(),
    ];
    for secret in forms {
        let token = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(&secret)).expect("it signs");
        ground.refused("key confusion", &token);
    }
    // A shared secret that an issuer publishes by mistake is no key.
    let secret = json!({ "kty": "oct", "kid": "shared", "alg": "HS256", "k": "c2VjcmV0" });
    ground.issuer.publish(&secret);
    let header = Header { kid: Some("shared".into()), ..Header::new(Algorithm::HS256) };
    let token = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(b"secret")).expect("it signs");
    ground.refused("a published secret", &token);
}

#[test]
fn claims_must_be_there_and_hold_now() {
    let ground = Ground::fresh();
    let now = now();
    for (what, more) in [
        ("expired", json!({ "nbf": now - 600, "exp": now - 300 })),
        ("not yet valid", json!({ "nbf": now + 300, "exp": now + 600 })),
        ("for another audience", json!({ "aud": "another" })),
        ("for nobody", json!({ "aud": [] })),
        ("an audience that begins the same", json!({ "aud": "prefecture2" })),
        ("an audience in capitals", json!({ "aud": "PREFECTURE" })),
        ("another subject", json!({ "sub": "another" })),
        ("a subject of another type", json!({ "sub": ["ci"] })),
        ("another issuer", json!({ "iss": "https://issuer.example" })),
        ("no issuer", json!({ "iss": null })),
        ("several issuers", json!({ "iss": [ground.issuer.url(), "https://issuer.example"] })),
        ("the issuer with a slash", json!({ "iss": format!("{}/", ground.issuer.url()) })),
        ("no audience", json!({ "aud": null })),
        ("no end", json!({ "exp": null })),
        ("no beginning", json!({ "nbf": null })),
        ("an end that is text", json!({ "exp": (now + 300).to_string() })),
        ("a beginning that is text", json!({ "nbf": "0" })),
        ("an end before all time", json!({ "exp": -1 })),
        ("an end after all time", json!({ "exp": 1e300 })),
    ] {
        ground.refused(what, &ground.token(more));
    }
    // Clocks may differ by a little.
    for (what, more) in [
        ("just expired", json!({ "nbf": now - 600, "exp": now - 5 })),
        ("in a moment", json!({ "nbf": now + 5, "exp": now + 600 })),
        ("fractions of seconds", json!({ "nbf": now as f64 - 0.5, "exp": now as f64 + 60.5 })),
        ("one audience of several", json!({ "aud": ["another", "prefecture"] })),
        ("more claims", json!({ "ref": "main", "nested": { "a": [1, 2] } })),
    ] {
        assert_eq!(ground.api(&ground.token(more)).get("/").status, 200, "{what}");
    }
}

#[test]
fn what_only_looks_like_a_token_is_refused() {
    let ground = Ground::fresh();
    let good = ground.token(json!({}));
    let parts: Vec<&str> = good.split('.').collect();
    let [head, claims, signature] = parts[..] else { panic!("three parts") };
    let twice = format!(
        r#"{{"iss":"{0}","iss":"{0}","aud":"prefecture","sub":"ci","nbf":0,"exp":9999999999}}"#,
        ground.issuer.url()
    );
    let bad = [
        format!("{head}.{claims}."),
        format!("{head}..{signature}"),
        format!("{head}.{claims}.{signature}AA"),
        format!("{head}.{}.{signature}", part(&json!({ "sub": "ci" }))),
        format!("{}.{claims}.{signature}", part(&json!({ "alg": "ES256" }))),
        format!("{}.{claims}.{signature}", part(&json!({ "alg": "ES256", "kid": "../../etc/passwd" }))),
        format!("{head}.{}.{signature}", URL_SAFE_NO_PAD.encode(twice)),
        format!("{head}.{}.{signature}", URL_SAFE_NO_PAD.encode([0xff, 0xfe])),
        format!("{head}.{}.{signature}", URL_SAFE_NO_PAD.encode("[".repeat(5000))),
        "ey..".to_owned(),
        "eyJ.eyJ.eyJ".to_owned(),
    ];
    for token in &bad {
        ground.refused(token, token);
    }
    // Extensions that must be understood.
    let header =
        Header { kid: Some(ground.key.id.clone()), crit: Some(vec!["b64".into()]), ..Header::new(Algorithm::ES256) };
    ground.refused("a critical extension", &ground.key.sign_with(header, &ground.issuer.claims()));
    // A claim that the database has no place for.
    ground.api(&ground.token(json!({ "note": "a\u{0}b" }))).get("/").expect(401);
    ground.api(&good).get("/").expect(200);
}

#[test]
fn a_token_of_100_kb_is_refused_unread() {
    let ground = Ground::fresh();
    let large = ground.token(json!({ "padding": "x".repeat(75_000) }));
    assert!(large.len() > 100_000);
    // The listener may refuse the head before anybody looks at the token.
    let answer = ground.api(&large).get("/");
    assert!(matches!(answer.status, 401 | 431), "{} {}", answer.status, answer.body);
    let mut socket = Socket::open(&format!("{}/events/in", ground.tenant.api_url()), &[]).expect("it opens");
    let Incoming::Closed(Some((code, _))) = socket.authenticate(Some(&large)) else { panic!("it was let in") };
    assert_eq!(code, 1008);
    // Below the limit size is no reason.
    ground.api(&ground.token(json!({ "padding": "x".repeat(8_000) }))).get("/").expect(200);
}

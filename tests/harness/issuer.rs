//! An issuer of tokens on this machine: real keys, a discovery document, a key set that changes as a test says.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::certificate::Certificate;

/// How long its tokens are good for.
const LIFE: i64 = 300;

/// Answers until the process ends.
#[derive(Debug, Clone)]
pub struct Issuer {
    url: String,
    state: Arc<Mutex<State>>,
}

/// A key pair of an issuer.
#[derive(Debug, Clone)]
pub struct IssuerKey {
    pub id: String,
    pub algorithm: Algorithm,
    /// As it is published.
    pub public: Value,
    private: EncodingKey,
}

#[derive(Debug, Default)]
struct State {
    keys: Vec<Value>,
    /// What it answers in place of a path's own answer: the head's first lines, and the body.
    instead: Vec<(String, String)>,
    mood: Mood,
    fetches: usize,
}

/// How it behaves to whoever asks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mood {
    #[default]
    Up,
    /// Every connection is closed without a word.
    Down,
    /// Every connection is held without a word.
    Hung,
}

impl Issuer {
    pub const DISCOVERY: &str = "/.well-known/openid-configuration";
    pub const KEYS: &str = "/keys";

    /// On a port of its own, with no key published.
    pub fn start() -> Issuer {
        Issuer::start_as("http", Some)
    }

    /// The same behind TLS.
    pub fn start_with(certificate: &Certificate) -> Issuer {
        let config = Arc::new(served_with(certificate));
        Issuer::start_as("https", move |stream| {
            let connection = ServerConnection::new(config.clone()).ok()?;
            Some(StreamOwned::new(connection, stream))
        })
    }

    fn start_as<S: Read + Write>(
        scheme: &str,
        open: impl Fn(TcpStream) -> Option<S> + Clone + Send + 'static,
    ) -> Issuer {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("this machine has a free port");
        let url = format!("{scheme}://{}", listener.local_addr().expect("it listens"));
        let issuer = Issuer { url, state: Arc::default() };
        let answering = issuer.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (issuer, open) = (answering.clone(), open.clone());
                std::thread::spawn(move || open(stream).map(|stream| issuer.answer(stream)));
            }
        });
        issuer
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Publishes a key, or what is none.
    pub fn publish(&self, public: &Value) {
        self.state().keys.push(public.clone());
    }

    /// A new key of an algorithm, published.
    pub fn key(&self, algorithm: Algorithm) -> IssuerKey {
        let key = IssuerKey::new(algorithm);
        self.publish(&key.public);
        key
    }

    /// Publishes it no longer.
    pub fn withdraw(&self, key: &IssuerKey) {
        self.state().keys.retain(|published| *published != key.public);
    }

    pub fn mood(&self, mood: Mood) {
        self.state().mood = mood;
    }

    /// Answers a path with this from now on: `302 Found\r\nlocation: …`, and a body.
    pub fn instead(&self, path: &str, head: &str, body: &str) {
        let answer = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
        self.state().instead.push((path.to_owned(), answer));
    }

    /// How often its key set was asked for.
    pub fn fetches(&self) -> usize {
        self.state().fetches
    }

    /// What its tokens say unless told otherwise: audience `prefecture`, subject `ci`, good from now for five minutes.
    pub fn claims(&self) -> Value {
        let now = now();
        json!({ "iss": self.url, "aud": "prefecture", "sub": "ci", "iat": now, "nbf": now, "exp": now + LIFE })
    }

    /// A token with `more` claims in place of the usual ones; null takes one away.
    pub fn token(&self, key: &IssuerKey, more: Value) -> String {
        let mut claims = self.claims();
        for (name, value) in more.as_object().expect("a test gives an object") {
            match value {
                Value::Null => drop(claims.as_object_mut().expect("an object").remove(name)),
                value => claims[name] = value.clone(),
            }
        }
        key.sign(&claims)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, mut stream: impl Read + Write) {
        let mut head = Vec::new();
        let mut buffer = [0; 1024];
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            match stream.read(&mut buffer) {
                Ok(read @ 1..) => head.extend_from_slice(&buffer[..read]),
                _ => return,
            }
        }
        let head = String::from_utf8_lossy(&head);
        let path = head.split(' ').nth(1).unwrap_or_default();
        let (mood, answer) = self.answer_to(path);
        match mood {
            Mood::Up => drop(stream.write_all(answer.as_bytes())),
            Mood::Down => {}
            // Until the one who asked gives up.
            Mood::Hung => drop(stream.read(&mut buffer)),
        }
    }

    fn answer_to(&self, path: &str) -> (Mood, String) {
        let mut state = self.state();
        if path == Issuer::KEYS {
            state.fetches += 1;
        }
        if let Some((_, answer)) = state.instead.iter().rev().find(|(instead, _)| instead == path) {
            return (state.mood, answer.clone());
        }
        let body = match path {
            Issuer::DISCOVERY => json!({ "issuer": self.url, "jwks_uri": format!("{}{}", self.url, Issuer::KEYS) }),
            Issuer::KEYS => json!({ "keys": state.keys }),
            _ => {
                return (state.mood, "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".into());
            }
        };
        let body = body.to_string();
        (state.mood, format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()))
    }
}

impl IssuerKey {
    /// A new key pair of RS256, PS256, ES256 or EdDSA.
    pub fn new(algorithm: Algorithm) -> IssuerKey {
        let id = uuid::Uuid::new_v4().to_string();
        let private = private(algorithm);
        let mut public = Jwk::from_encoding_key(&private, algorithm).expect("a key pair has a public half");
        public.common.key_id = Some(id.clone());
        let public = serde_json::to_value(public).expect("it is JSON");
        IssuerKey { id, algorithm, public, private }
    }

    /// The same pair, published under another name or with other words about it.
    pub fn published_as(&self, more: Value) -> IssuerKey {
        let mut key = self.clone();
        for (name, value) in more.as_object().expect("a test gives an object") {
            key.public[name] = value.clone();
        }
        key.id = key.public["kid"].as_str().expect("a name is text").to_owned();
        key
    }

    /// A token that says exactly this.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(Header { kid: Some(self.id.clone()), ..Header::new(self.algorithm) }, claims)
    }

    /// The same with a head of the test's own.
    pub fn sign_with(&self, header: Header, claims: &Value) -> String {
        jsonwebtoken::encode(&header, claims, &self.private).expect("it can be signed")
    }
}

/// Seconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    since.as_secs() as i64
}

fn served_with(certificate: &Certificate) -> ServerConfig {
    let (certificate, key) = certificate.pem();
    let chain = CertificateDer::from_pem_slice(certificate.as_bytes()).expect("it is PEM");
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("it is PEM");
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![chain], key))
        .expect("key and certificate belong together")
}

fn private(algorithm: Algorithm) -> EncodingKey {
    match algorithm {
        Algorithm::RS256 | Algorithm::PS256 => {
            let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).expect("a key can be made");
            let pkcs8 = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).expect("it can be written");
            // What jsonwebtoken takes stands behind the head of PKCS #8, which is of one length for keys of 2048 bits.
            EncodingKey::from_rsa_der(&pkcs8.as_ref()[26..])
        }
        Algorithm::ES256 => {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key can be made");
            EncodingKey::from_ec_der(pair.to_pkcs8v1().expect("it can be written").as_ref())
        }
        Algorithm::EdDSA => {
            let pair = Ed25519KeyPair::generate().expect("a key can be made");
            EncodingKey::from_ed_der(pair.to_pkcs8v1().expect("it can be written").as_ref())
        }
        other => panic!("no test makes keys of {other:?} yet"),
    }
}

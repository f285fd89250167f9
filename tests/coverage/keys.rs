//! Keys that must not open anything, made once.

use std::sync::OnceLock;

use tests::eventually;

use crate::ground::Ground;

/// A name for the finding, and what stands behind `Authorization:`; `None` sends no header.
pub type Credential = (&'static str, Option<String>);

/// Everything that is no working key, in each way to bring one.
pub fn refused() -> &'static [Credential] {
    static REFUSED: OnceLock<Vec<Credential>> = OnceLock::new();
    REFUSED.get_or_init(|| {
        let keys = [("revoked", revoked()), ("expired", expired()), ("unknown", unknown())];
        let mut all: Vec<Credential> = vec![
            ("no key", None),
            ("an empty header", Some(String::new())),
            ("an unknown scheme", Some(format!("Digest {}", Ground::get().mine.key))),
            ("a key without a scheme", Some(Ground::get().mine.key.clone())),
            ("an empty bearer", Some("Bearer ".into())),
            ("a malformed key", Some("Bearer pnu_short".into())),
            ("a key and more", Some(format!("Bearer {}0", Ground::get().mine.key))),
            ("a key with a wrong checksum", Some(format!("Bearer {}", wrong_checksum(&Ground::get().mine.key)))),
            ("SQL for a key", Some("Bearer ' or true --".into())),
            ("Basic that is no base64", Some("Basic !".into())),
            ("Basic with the key as the user", Some(basic(&format!("{}:", Ground::get().mine.key)))),
        ];
        for (what, key) in keys {
            all.push((what, Some(format!("Bearer {key}"))));
            all.push((what, Some(basic(&format!("any:{key}")))));
        }
        all
    })
}

pub fn basic(pair: &str) -> String {
    use base64::Engine;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

/// Of a user who is the account's owner, so that nothing but the revocation keeps it out.
pub fn revoked() -> String {
    static KEY: OnceLock<String> = OnceLock::new();
    KEY.get_or_init(|| {
        let ground = Ground::get();
        let root = ground.server.api().at(&ground.mine.cloud_api_url()).with_key(Some(&ground.mine.key));
        let me = root.get("/me/").expect(200);
        let keys = format!("/users/{}/api_keys", me["id"].as_str().expect("an id"));
        let made = root.post(&keys, &serde_json::json!({"name": "to be revoked"})).expect(201);
        let key = made["key"].as_str().expect("a key").to_owned();
        root.with_key(Some(&key)).get("/me/").expect(200);
        root.delete(&format!("{keys}/{}", made["id"].as_str().expect("an id"))).expect(204);
        refused_at_last(&key);
        key
    })
    .clone()
}

/// Likewise of the account's owner.
pub fn expired() -> String {
    static KEY: OnceLock<String> = OnceLock::new();
    KEY.get_or_init(|| {
        let ground = Ground::get();
        let owner = format!("{}-owner", ground.mine.account.handle);
        let made = ground.server.admin(&["keys", "create", "--user", &owner, "--expires-in", "1s"]);
        let key = made["key"].as_str().expect("a key").to_owned();
        refused_at_last(&key);
        key
    })
    .clone()
}

/// Of the right form, and nobody's.
pub fn unknown() -> String {
    let body = format!("pnu_{}", &uuid::Uuid::new_v4().simple().to_string()[..30]);
    format!("{body}{}", checksum(&body))
}

fn wrong_checksum(key: &str) -> String {
    let last = if key.ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &key[..key.len() - 1])
}

fn refused_at_last(key: &str) {
    let ground = Ground::get();
    let root = ground.server.api().at(&ground.mine.cloud_api_url()).with_key(Some(key));
    let at_workspace = ground.mine.api().with_key(Some(key));
    eventually("the key is refused", || match (root.get("/me/").status, at_workspace.get("/").status) {
        (401, 401) => Ok(()),
        other => Err(other),
    });
}

/// CRC-32 in six digits of base 62, as scanners of secrets know it.
fn checksum(body: &str) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut crc = !0u32;
    for byte in body.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    let mut rest = !crc;
    let mut digits = [0u8; 6];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    digits.iter().copied().map(char::from).collect()
}

#[test]
fn the_checksum_is_the_programs() {
    let key = &Ground::get().mine.key;
    assert_eq!(checksum(&key[..34]), &key[34..]);
}

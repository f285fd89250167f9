//! What an issuer publishes (RFC 7517), as keys that can each be used in one way: a key has one algorithm, its own, or the
//! usual one of its kind. What a token's header says is held against it and decides nothing.

use std::collections::HashMap;
use std::sync::Arc;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// A public key.
pub struct Key {
    pub algorithm: Algorithm,
    pub verifies: DecodingKey,
    /// As it was published: whether a later set still has it.
    published: Jwk,
}

/// The keys of an issuer by `kid`.
#[derive(Default)]
pub struct KeySet(HashMap<String, Arc<Key>>);

/// Keys in a set at most: those of an issuer are a handful.
const MOST_KEYS: usize = 100;

/// Each key apart, so that one of a kind that nobody knows yet does not take the others with it.
#[derive(Deserialize)]
struct Published {
    keys: Vec<Value>,
}

impl KeySet {
    /// The keys of a published set that can verify tokens; the others are left out.
    ///
    /// # Errors
    /// A sentence for the log: this is no key set, or none of its keys can be used.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let published: Published = serde_json::from_slice(bytes).map_err(|_| "the answer is no key set".to_owned())?;
        let usable = published.keys.into_iter().take(MOST_KEYS).filter_map(|key| Key::read(&key));
        let keys: HashMap<String, Arc<Key>> = usable.map(|(id, key)| (id, Arc::new(key))).collect();
        match keys.is_empty() {
            true => Err("no key of the set can verify tokens".to_owned()),
            false => Ok(Self(keys)),
        }
    }

    /// What is the same in this set as in an older one is the same value, so that what was verified by it still counts.
    pub fn taking_over(mut self, older: &KeySet) -> Self {
        for (id, key) in &mut self.0 {
            if let Some(same) = older.0.get(id).filter(|same| same.published == key.published) {
                *key = same.clone();
            }
        }
        self
    }

    pub fn get(&self, id: &str) -> Option<&Arc<Key>> {
        self.0.get(id)
    }

    pub fn has(&self, key: &Arc<Key>) -> bool {
        self.0.values().any(|known| Arc::ptr_eq(known, key))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl Key {
    fn read(published: &Value) -> Option<(String, Self)> {
        let published: Jwk = serde_json::from_value(published.clone()).ok()?;
        let common = &published.common;
        let id = common.key_id.clone()?;
        let signs = common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature)
            && common.key_operations.as_ref().is_none_or(|all| all.contains(&KeyOperations::Verify));
        if !signs {
            return None;
        }
        let algorithm = algorithm(&published)?;
        let verifies = DecodingKey::from_jwk(&published).ok()?;
        Some((id, Self { algorithm, verifies, published }))
    }
}

/// The one algorithm that a key may be used with; `None` for keys that tokens are not signed with. A shared secret is none
/// of them, or a public key could be passed off as one.
fn algorithm(published: &Jwk) -> Option<Algorithm> {
    let (usual, others): (Algorithm, &[Algorithm]) = match &published.algorithm {
        AlgorithmParameters::RSA(_) => (
            Algorithm::RS256,
            &[Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512],
        ),
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => (Algorithm::ES256, &[]),
            EllipticCurve::P384 => (Algorithm::ES384, &[]),
            _ => return None,
        },
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => (Algorithm::EdDSA, &[]),
        _ => return None,
    };
    let Some(named) = published.common.key_algorithm else { return Some(usual) };
    let named = Algorithm::try_from(named).ok()?;
    (named == usual || others.contains(&named)).then_some(named)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The numbers of RFC 7517, appendix A.1.
    fn ec(more: Value) -> Value {
        let mut key = json!({
            "kty": "EC", "crv": "P-256", "kid": "ec",
            "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
        });
        key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        key
    }

    fn rsa(more: Value) -> Value {
        let mut key = json!({ "kty": "RSA", "kid": "rsa", "n": "AQAB".repeat(86), "e": "AQAB" });
        key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        key
    }

    fn read(keys: &[Value]) -> Result<KeySet, String> {
        KeySet::read(json!({ "keys": keys }).to_string().as_bytes())
    }

    #[test]
    fn a_key_has_one_algorithm() {
        for (key, expected) in [
            (ec(json!({})), Some(Algorithm::ES256)),
            (ec(json!({ "alg": "ES256", "use": "sig" })), Some(Algorithm::ES256)),
            (ec(json!({ "alg": "ES384" })), None),
            (ec(json!({ "alg": "RS256" })), None),
            (ec(json!({ "alg": "HS256" })), None),
            (ec(json!({ "use": "enc" })), None),
            (ec(json!({ "key_ops": ["sign"] })), None),
            (ec(json!({ "key_ops": ["verify"] })), Some(Algorithm::ES256)),
            (rsa(json!({})), Some(Algorithm::RS256)),
            (rsa(json!({ "alg": "PS512" })), Some(Algorithm::PS512)),
            (rsa(json!({ "alg": "RSA-OAEP" })), None),
            (rsa(json!({ "alg": "none" })), None),
            (json!({ "kty": "oct", "kid": "ec", "k": "AQAB", "alg": "HS256" }), None),
            (json!({ "kty": "new", "kid": "ec" }), None),
        ] {
            let id = if key["kty"] == "RSA" { "rsa" } else { "ec" };
            let found = read(std::slice::from_ref(&key)).ok().and_then(|set| set.get(id).map(|key| key.algorithm));
            assert_eq!(found, expected, "{key}");
        }
    }

    #[test]
    fn keys_that_cannot_be_used_do_not_take_the_others_with_them() {
        let set = read(&[json!({ "kty": "new" }), json!(7), ec(json!({})), ec(json!({ "kid": null }))]);
        assert_eq!(set.map(|set| set.len()), Ok(1));
        for nothing in ["", "[]", "{}", r#"{"keys":[]}"#, r#"{"keys":{}}"#] {
            assert!(KeySet::read(nothing.as_bytes()).is_err(), "{nothing}");
        }
    }

    #[test]
    fn a_key_that_is_published_again_is_the_same_key() {
        let first = read(&[ec(json!({})), rsa(json!({}))]).unwrap();
        let (ec_key, rsa_key) = (first.get("ec").unwrap().clone(), first.get("rsa").unwrap().clone());
        let second = read(&[ec(json!({})), rsa(json!({ "e": "Aw" }))]).unwrap().taking_over(&first);
        assert!(second.has(&ec_key) && !second.has(&rsa_key));
    }
}

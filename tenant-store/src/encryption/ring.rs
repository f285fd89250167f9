//! The operator's keys, each with an id: the first one wraps, the others open what they wrapped before.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use uuid::Uuid;

use super::seal::{KEY_BYTES, Key, Place};

/// What a proof stands in place of.
const PROOF: Place = Place { what: "proof of a key", workspace: Uuid::nil(), object: Uuid::nil() };
/// Characters of an id.
const LONGEST_ID: usize = 64;

/// Keys by their ids. Cheap to clone; empty where the operator gave none.
#[derive(Clone, Default)]
pub struct KeyRing(Arc<Vec<(String, Key)>>);

/// Why a text is no ring. It says nothing of the keys themselves.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrongRing {
    #[error("it holds no key")]
    Empty,
    #[error("key {0} is not written id:key")]
    NoId(usize),
    #[error("an id has 1 to {LONGEST_ID} letters, digits, dashes, dots and underscores, and that of key {0} has not")]
    Id(usize),
    #[error("key '{0}' is not the base64 of {KEY_BYTES} bytes")]
    Key(String),
    #[error("key '{0}' is there twice")]
    Twice(String),
}

impl KeyRing {
    /// A new random key by this id, as a ring's text has it.
    pub fn generate(id: &str) -> String {
        let bytes: [u8; KEY_BYTES] = rand::random();
        format!("{id}:{}", BASE64_STANDARD.encode(bytes))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The id of the key that wraps.
    pub fn first_id(&self) -> Option<&str> {
        self.first().map(|(id, _)| id)
    }

    /// What shows later whether a ring has the same first key.
    pub(crate) fn proof(&self) -> Option<(&str, Vec<u8>)> {
        self.first().map(|(id, key)| (id, key.seal(PROOF, b"")))
    }

    /// Whether the key of this id made the proof; `None` where there is none of this id.
    pub(crate) fn proves(&self, id: &str, proof: &[u8]) -> Option<bool> {
        self.get(id).map(|key| key.open(PROOF, proof).is_ok())
    }

    /// The key that wraps, by its id.
    pub(super) fn first(&self) -> Option<(&str, &Key)> {
        self.0.first().map(|(id, key)| (id.as_str(), key))
    }

    pub(super) fn get(&self, id: &str) -> Option<&Key> {
        self.0.iter().find(|(known, _)| known == id).map(|(_, key)| key)
    }
}

impl FromStr for KeyRing {
    type Err = WrongRing;

    /// `id:base64`, several with commas or line breaks between them.
    fn from_str(text: &str) -> Result<Self, WrongRing> {
        let mut keys: Vec<(String, Key)> = Vec::new();
        let parts = text.split([',', '\n']).map(str::trim).filter(|part| !part.is_empty());
        for (at, part) in parts.enumerate() {
            let (id, key) = part.split_once(':').ok_or(WrongRing::NoId(at + 1))?;
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            if id.is_empty() || id.len() > LONGEST_ID || !id.chars().all(plain) {
                return Err(WrongRing::Id(at + 1));
            }
            let bytes =
                BASE64_STANDARD.decode(key.trim()).ok().and_then(|bytes| <[u8; KEY_BYTES]>::try_from(bytes).ok());
            let bytes = bytes.ok_or_else(|| WrongRing::Key(id.to_owned()))?;
            if keys.iter().any(|(known, _)| known == id) {
                return Err(WrongRing::Twice(id.to_owned()));
            }
            keys.push((id.to_owned(), Key::of(&bytes)));
        }
        if keys.is_empty() { Err(WrongRing::Empty) } else { Ok(Self(Arc::new(keys))) }
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(id, _)| id)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_are_read_and_their_keys_never_shown() {
        let (one, two) = (KeyRing::generate("2026"), KeyRing::generate("2025.b_-"));
        let ring: KeyRing = format!("{one},\n {two} ").parse().unwrap();
        assert_eq!(ring.first().unwrap().0, "2026");
        assert!(ring.get("2025.b_-").is_some() && ring.get("other").is_none());
        let secret = one.split_once(':').unwrap().1;
        assert!(!format!("{ring:?}").contains(secret));
        let (id, proof) = ring.proof().unwrap();
        assert_eq!((ring.proves(id, &proof), ring.proves("2025.b_-", &proof)), (Some(true), Some(false)));
        assert_eq!(ring.proves("other", &proof), None);
        for (text, wrong) in [
            ("", WrongRing::Empty),
            (secret, WrongRing::NoId(1)),
            (&format!("{one},:{secret}"), WrongRing::Id(2)),
            (&format!("a b:{secret}"), WrongRing::Id(1)),
            ("k:c2hvcnQ=", WrongRing::Key("k".into())),
            ("k:!", WrongRing::Key("k".into())),
            (&format!("{one},{one}"), WrongRing::Twice("2026".into())),
        ] {
            let told = text.parse::<KeyRing>().unwrap_err();
            assert_eq!(told, wrong, "{text}");
            assert!(!told.to_string().contains(secret));
        }
    }
}

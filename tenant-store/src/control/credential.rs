//! What a caller shows: a key, or a token whose signature was verified.

use domain::IssuerId;
use serde_json::{Map, Value, json};
use wire::{RawJson, Time};

/// A key as it came, or a verified token.
#[derive(Clone, Copy, Debug)]
pub enum Credential<'a> {
    Key(&'a str),
    Token(&'a Token),
}

impl<'a> From<&'a str> for Credential<'a> {
    fn from(key: &'a str) -> Self {
        Self::Key(key)
    }
}

impl<'a> From<&'a String> for Credential<'a> {
    fn from(key: &'a String) -> Self {
        Self::Key(key)
    }
}

/// A token of an issuer, good until it expires. Whom it stands for, if anybody, is asked of the control plane each time.
#[derive(Clone)]
pub struct Token {
    expiration: Time,
    /// Issuer, audiences and claims, as the queries of `enter` take them apart.
    said: RawJson,
}

impl Token {
    /// The proof is the caller's word: for where a signature was verified against the issuer's key, and nowhere else.
    pub fn verified(issuer: IssuerId, audiences: &[String], claims: &Map<String, Value>, expiration: Time) -> Self {
        let said = json!({ "issuer": issuer.0, "audiences": audiences, "claims": claims });
        Self { expiration, said: RawJson::of(&said) }
    }

    pub fn expiration(&self) -> Time {
        self.expiration
    }

    /// What it takes in memory, in bytes.
    pub fn size(&self) -> usize {
        self.said.text().len()
    }

    pub(super) fn said(&self) -> &RawJson {
        &self.said
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("expiration", &self.expiration).finish_non_exhaustive()
    }
}

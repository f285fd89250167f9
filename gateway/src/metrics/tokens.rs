//! Tokens of issuers: what was wrong with those that did not count, and whether issuers answer.

use prometheus::IntCounterVec;

use super::make::Maker;

/// What is wrong with a token. For the log and for here: whoever sent it is told that it does not count, and no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bad {
    Size,
    Form,
    Issuer,
    Key,
    Algorithm,
    Signature,
    Claims,
    Expired,
    NotYet,
}

impl Bad {
    const ALL: [&str; 9] = [
        "too_large",
        "malformed",
        "unknown_issuer",
        "unknown_key",
        "wrong_algorithm",
        "wrong_signature",
        "wrong_claims",
        "expired",
        "not_yet_valid",
    ];

    pub fn name(self) -> &'static str {
        Self::ALL[self as usize]
    }
}

#[derive(Clone)]
pub struct Tokens {
    refused: IntCounterVec,
    fetches: IntCounterVec,
}

impl Tokens {
    pub fn new(maker: &Maker<'_>) -> Self {
        let refused = "Tokens of issuers that did not count, by what was wrong with them";
        let fetches = "Times that an issuer was asked for its keys";
        Self {
            refused: maker.counters("prefecture_tokens_refused_total", refused, "why", &Bad::ALL),
            fetches: maker.counters("prefecture_issuer_fetches_total", fetches, "outcome", &["fetched", "failed"]),
        }
    }

    pub fn refused(&self, bad: Bad) {
        self.refused.with_label_values(&[bad.name()]).inc();
    }

    /// An issuer was asked for its keys, and gave them or not.
    pub fn asked(&self, gave: bool) {
        self.fetches.with_label_values(&[if gave { "fetched" } else { "failed" }]).inc();
    }
}

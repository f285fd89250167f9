//! Tokens (JWT) of OIDC issuers in place of keys: verified here; whom a token stands for is the control plane's to say.
//!
//! Promises:
//! * A token counts only if its issuer is one that the operator named, its signature is by a key that this issuer
//!   publishes, with the one algorithm that goes with that key, and its `iss`, `aud`, `exp` and `nbf` are there and right.
//! * Keys are asked of addresses that the operator named and of no other host, whatever a token or an answer says.
//! * An issuer that is away costs nothing while its keys are known; a token of an issuer whose keys were never seen is
//!   neither good nor bad: that is "unavailable", never "unauthenticated".
//! * Neither a token nor a claim is logged.
//!
//! * [`verify`]: the rules, pure but for the clock they are given
//! * [`key_set`]: what an issuer publishes, as keys that can each be used in one way
//! * [`fetch`]: asks an issuer
//! * [`issuers`]: who they are, and the keys last seen of each
//! * [`address`]: which addresses may be asked

mod address;
mod fetch;
mod issuers;
mod key_set;
mod verify;

use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::future::Cache;
use tenant_store::Error;
use tenant_store::control::{Control, Token};
use wire::Time;

use crate::config::{TokenSettings, WrongSetting};
use crate::metrics::{Bad, Tokens as Counted};
pub use address::{is_issuer, is_key_set};
pub use fetch::Fetcher;
use issuers::Issuers;
use key_set::Key;

/// What a text must look like to be taken for a token: `{"` in base 64, and three parts. No key does.
pub fn is_token(text: &str) -> bool {
    text.starts_with("ey") && text.bytes().filter(|byte| *byte == b'.').count() == 2
}

/// The verifier of the program. Cheap to clone.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

struct Inner {
    settings: TokenSettings,
    issuers: Issuers,
    verified: Cache<[u8; 32], Verified>,
    counted: Counted,
}

/// A token that was found good, with the key that it was found good by.
#[derive(Clone)]
struct Verified {
    token: Arc<Token>,
    issuer: Arc<str>,
    key: Arc<Key>,
}

impl Tokens {
    /// Knows no issuer yet; see [`Tokens::watch`].
    pub fn new(control: Control, settings: &TokenSettings, counted: Counted) -> Result<Self, WrongSetting> {
        let fetcher = Fetcher::new(settings)?;
        let verified = Cache::builder()
            .max_capacity(settings.token_memory)
            .weigher(|_, verified: &Verified| u32::try_from(verified.token.size() + ENTRY).unwrap_or(u32::MAX))
            .expire_after(UntilItExpires)
            .build();
        let issuers = Issuers::new(control, fetcher, settings, counted.clone());
        Ok(Self(Arc::new(Inner { settings: settings.clone(), issuers, verified, counted })))
    }

    /// Keeps the issuers and their keys up to date; runs as long as the program.
    pub async fn watch(self) {
        self.0.issuers.watch().await;
    }

    /// The token that a text is, if it is a good one. `digest` is the text's.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where neither can be said: the issuers or an issuer's keys could not be learnt yet.
    pub async fn verify(&self, text: &str, digest: [u8; 32]) -> Result<Option<Arc<Token>>, Error> {
        let now = Time::of_machine();
        if let Some(known) = self.0.verified.get(&digest).await
            && known.token.expiration() > now
            && self.0.issuers.still_publishes(&known.issuer, &known.key)
        {
            return Ok(Some(known.token));
        }
        match self.verify_anew(text, now).await {
            Ok(verified) => {
                let token = verified.token.clone();
                self.0.verified.insert(digest, verified).await;
                Ok(Some(token))
            }
            Err(Refusal::Bad(why)) => {
                tracing::info!(why = why.name(), "token refused");
                self.0.counted.refused(why);
                Ok(None)
            }
            Err(Refusal::Unknown(error)) => Err(error),
        }
    }

    async fn verify_anew(&self, text: &str, now: Time) -> Result<Verified, Refusal> {
        let Inner { settings, issuers, .. } = &*self.0;
        let claimed = verify::read(text, settings.token_size)?;
        let issuer = issuers.find(&claimed.issuer).await?.ok_or(Bad::Issuer)?;
        let key = issuers.key(&issuer, &claimed.key).await?.ok_or(Bad::Key)?;
        let token = verify::verify(text, &issuer.row, &key, settings.token_leeway, now)?;
        Ok(Verified { token: Arc::new(token), issuer: issuer.url.clone(), key })
    }
}

/// About what an entry takes beside the token's text, in bytes.
const ENTRY: usize = 256;

struct UntilItExpires;

impl Expiry<[u8; 32], Verified> for UntilItExpires {
    fn expire_after_create(&self, _: &[u8; 32], verified: &Verified, _: Instant) -> Option<Duration> {
        let left = verified.token.expiration().seconds_since(Time::of_machine());
        Some(Duration::try_from_secs_f64(left).unwrap_or_default().min(LONGEST))
    }
}

/// An entry that is looked at again in a day lives long enough, whatever its issuer promised.
const LONGEST: Duration = Duration::from_secs(86_400);

/// Why a token does not count.
enum Refusal {
    Bad(Bad),
    /// Whether it does cannot be said now.
    Unknown(Error),
}

impl From<Bad> for Refusal {
    fn from(bad: Bad) -> Self {
        Self::Bad(bad)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Unknown(error)
    }
}

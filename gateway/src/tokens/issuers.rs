//! Who the issuers are, and the keys last seen of each.
//!
//! Both are kept up to date in the background. A request waits for them only where it must: for an issuer that was just
//! added, or for a key that was just published; and however many such requests come, the control plane is asked ten times a
//! second at most, an issuer once in a pause.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tenant_store::Error;
use tenant_store::control::{self, Control};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::fetch::Fetcher;
use super::key_set::{Key, KeySet};
use crate::config::TokenSettings;
use crate::metrics::Tokens as Counted;

/// How often the list of issuers is read.
const LIST_EVERY: Duration = Duration::from_secs(5);
/// How soon it may be read again for a token of an issuer that is not on it: who just added one need not wait, and a flood
/// of strange tokens is ten small queries a second.
const LIST_AGAIN: Duration = Duration::from_millis(100);
/// How soon an issuer whose keys were never seen is asked again.
const RETRY: Duration = Duration::from_secs(5);

pub struct Issuers {
    control: Control,
    fetcher: Fetcher,
    refresh: Duration,
    pause: Duration,
    known: RwLock<Arc<Known>>,
    /// When the list was last read, or why it was not; held while it is.
    listed: Mutex<Option<(Instant, Result<(), String>)>>,
    counted: Counted,
}

type Known = HashMap<Arc<str>, Arc<Issuer>>;

/// An issuer with its keys.
pub struct Issuer {
    pub row: control::Issuer,
    pub url: Arc<str>,
    keys: RwLock<Option<Arc<KeySet>>>,
    /// Held while the issuer is asked.
    asked: Mutex<Asked>,
}

#[derive(Default)]
struct Asked {
    /// Because the time had come, or for its first token; whatever it answered.
    in_the_background: Option<Instant>,
    /// For a token with a key that was not among those known.
    for_a_token: Option<Instant>,
}

impl Issuers {
    pub fn new(control: Control, fetcher: Fetcher, settings: &TokenSettings, counted: Counted) -> Self {
        let TokenSettings { issuer_refresh: refresh, issuer_pause: pause, .. } = *settings;
        Self { control, fetcher, refresh, pause, known: RwLock::default(), listed: Mutex::default(), counted }
    }

    /// Reads the list and asks each issuer when its time has come; never returns.
    pub async fn watch(&self) {
        let mut reachable = true;
        loop {
            let read = self.read_list(LIST_EVERY).await;
            if let (Err(error), true) = (&read, reachable) {
                tracing::warn!(%error, "the issuers of tokens could not be read; those known stay");
            }
            reachable = read.is_ok();
            let due = self.known().values().cloned().collect::<Vec<_>>();
            futures_util::future::join_all(due.iter().map(|issuer| self.ask_if_due(issuer))).await;
            tokio::time::sleep(LIST_EVERY).await;
        }
    }

    /// The issuer of this address; `None` if the operator named no such.
    pub async fn find(&self, url: &str) -> Result<Option<Arc<Issuer>>, Error> {
        if let Some(issuer) = self.known().get(url) {
            return Ok(Some(issuer.clone()));
        }
        self.read_list(LIST_AGAIN).await?;
        Ok(self.known().get(url).cloned())
    }

    /// A key of an issuer; `None` if it publishes no such. Asks it when the key is not known, once in a pause.
    pub async fn key(&self, issuer: &Issuer, id: &str) -> Result<Option<Arc<Key>>, Error> {
        if let Some(key) = issuer.known_key(id) {
            return Ok(Some(key));
        }
        let mut asked = issuer.asked.lock().await;
        // It may have come while this one waited for its turn.
        if let Some(key) = issuer.known_key(id) {
            return Ok(Some(key));
        }
        // The first time is no asking again: whose keys were never seen is not held to the pause.
        let seen = issuer.keys().is_some();
        let (last, pause) = match seen {
            true => (&mut asked.for_a_token, self.pause),
            false => (&mut asked.in_the_background, RETRY),
        };
        if last.is_none_or(|at| at.elapsed() >= pause) {
            *last = Some(Instant::now());
            self.ask(issuer).await;
        }
        drop(asked);
        match issuer.keys() {
            Some(keys) => Ok(keys.get(id).cloned()),
            None => Err(Error::Unavailable(format!("the keys of {} were never seen", issuer.url))),
        }
    }

    /// Whether an issuer is still one, and still publishes a key.
    pub fn still_publishes(&self, issuer: &str, key: &Arc<Key>) -> bool {
        self.known().get(issuer).and_then(|issuer| issuer.keys()).is_some_and(|keys| keys.has(key))
    }

    fn known(&self) -> Arc<Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the list unless that was tried within `fresh`. Issuers that stayed the same keep their keys.
    async fn read_list(&self, fresh: Duration) -> Result<(), Error> {
        let mut listed = self.listed.lock().await;
        if let Some((at, outcome)) = &*listed
            && at.elapsed() < fresh
        {
            return outcome.clone().map_err(Error::Unavailable);
        }
        let read = self.control.list_issuers().await;
        *listed = Some((Instant::now(), read.as_ref().map(drop).map_err(ToString::to_string)));
        let before = self.known();
        let known = read?.into_iter().map(|row| match before.get(row.url.as_str()).filter(|known| known.row == row) {
            Some(known) => (known.url.clone(), known.clone()),
            None => {
                let url: Arc<str> = row.url.as_str().into();
                (url.clone(), Arc::new(Issuer { row, url, keys: RwLock::default(), asked: Mutex::default() }))
            }
        });
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known.collect());
        Ok(())
    }

    async fn ask_if_due(&self, issuer: &Issuer) {
        let mut asked = issuer.asked.lock().await;
        let every = if issuer.keys().is_some() { self.refresh } else { RETRY.min(self.refresh) };
        if asked.in_the_background.is_none_or(|at| at.elapsed() >= every) {
            asked.in_the_background = Some(Instant::now());
            self.ask(issuer).await;
        }
    }

    /// Asks an issuer for its keys. Those known stay when it does not answer, or not with keys.
    async fn ask(&self, issuer: &Issuer) {
        let gave = match self.fetcher.keys(&issuer.row).await {
            Ok(keys) => {
                let keys = match issuer.keys() {
                    Some(older) => keys.taking_over(&older),
                    None => keys,
                };
                tracing::debug!(issuer = %issuer.url, keys = keys.len(), "the keys of an issuer were fetched");
                *issuer.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(keys));
                true
            }
            Err(why) => {
                tracing::warn!(issuer = %issuer.url, why, "the keys of an issuer could not be fetched; those known stay");
                false
            }
        };
        self.counted.asked(gave);
    }
}

impl Issuer {
    fn keys(&self) -> Option<Arc<KeySet>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn known_key(&self, id: &str) -> Option<Arc<Key>> {
        self.keys()?.get(id).cloned()
    }
}

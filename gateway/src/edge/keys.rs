//! Keys verified a moment ago. A verified key lives one second in memory, so that a revoked one is refused everywhere
//! within a second; up to sixty while the control database is away. Looked up by digest: no key is kept. A token of an
//! issuer is verified each time (`tokens` remembers it), and then is looked up like a key.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use domain::{AccountId, WorkspaceId};
use foldhash::fast::RandomState;
use futures_util::FutureExt;
use moka::future;
use sha2::{Digest, Sha256};
use tenant_store::Error;
use tenant_store::control::{AccountEntry, Control, Credential, Entry, Principal, Token};

use crate::metrics::{Keys as Counted, Lookup};
use crate::tokens::{self, Tokens};

/// How long an answer of the control plane counts.
const FRESH: Duration = Duration::from_secs(1);
/// How long the last good answer may stand in while the control plane is away.
const STALE: Duration = Duration::from_secs(60);
/// Entries at most, good and bad keys together: a flood of guesses evicts guesses.
const ENTRIES: u64 = 100_000;

/// What is looked up by what nobody can choose: digests, ids of tenants.
type Cache<K, V> = future::Cache<K, V, RandomState>;

type Id = ([u8; 32], AccountId, WorkspaceId);

pub struct Keys {
    control: Control,
    tokens: Tokens,
    workspaces: Remembered<Id, Entry>,
    accounts: Remembered<([u8; 32], AccountId), AccountEntry>,
    principals: Remembered<[u8; 32], Option<Principal>>,
    /// Those that opened something within [`STALE`], by digest.
    good: Cache<[u8; 32], ()>,
}

/// What a caller showed, with its digest.
struct Shown<'a> {
    key: &'a str,
    token: Option<Arc<Token>>,
    digest: [u8; 32],
}

impl Shown<'_> {
    fn credential(&self) -> Credential<'_> {
        self.token.as_deref().map_or(Credential::Key(self.key), Credential::Token)
    }
}

impl Keys {
    pub fn new(control: Control, tokens: Tokens, counted: Counted) -> Self {
        let (workspaces, accounts) = (Remembered::new(&counted), Remembered::new(&counted));
        Self { control, tokens, workspaces, accounts, principals: Remembered::new(&counted), good: cache(STALE) }
    }

    /// Keeps the issuers of tokens and their keys up to date; runs as long as the program.
    pub fn watch_issuers(&self) -> impl Future<Output = ()> + Send + 'static {
        self.tokens.clone().watch()
    }

    pub async fn enter(&self, key: &str, account: AccountId, workspace: WorkspaceId) -> Result<Entry, Error> {
        let Some(shown) = self.shown(key).await? else { return Ok(Entry::BadKey) };
        let ask = || self.control.enter(shown.credential(), account, workspace);
        let ask = || self.noting(shown.digest, ask(), |entry| matches!(entry, Entry::Member(_)));
        self.workspaces.get((shown.digest, account, workspace), ask).await
    }

    pub async fn enter_account(&self, key: &str, account: AccountId) -> Result<AccountEntry, Error> {
        let Some(shown) = self.shown(key).await? else { return Ok(AccountEntry::BadKey) };
        let ask = || self.control.enter_account(shown.credential(), account);
        let ask = || self.noting(shown.digest, ask(), |entry| matches!(entry, AccountEntry::Member(_)));
        self.accounts.get((shown.digest, account), ask).await
    }

    pub async fn authenticate(&self, key: &str) -> Result<Option<Principal>, Error> {
        let Some(shown) = self.shown(key).await? else { return Ok(None) };
        let ask = || self.noting(shown.digest, self.control.authenticate(shown.credential()), Option::is_some);
        self.principals.get(shown.digest, ask).await
    }

    /// A key, or a token if it is a good one.
    async fn shown<'a>(&self, key: &'a str) -> Result<Option<Shown<'a>>, Error> {
        let digest = digest(key);
        if !tokens::is_token(key) {
            return Ok(Some(Shown { key, token: None, digest }));
        }
        let token = Box::pin(self.tokens.verify(key, digest)).await?;
        Ok(token.map(|token| Shown { key, token: Some(token), digest }))
    }

    /// What was asked, having noted that the key is good if it opened something.
    async fn noting<V>(
        &self,
        digest: [u8; 32],
        asked: impl Future<Output = Result<V, Error>>,
        is_good: impl Fn(&V) -> bool,
    ) -> Result<V, Error> {
        let answer = asked.await;
        if answer.as_ref().is_ok_and(is_good) {
            self.good.insert(digest, ()).await;
        }
        answer
    }

    /// Whether a key was good within the last minute, for whatever it opened; asks nobody.
    pub fn knows(&self, key: &str) -> bool {
        self.good.contains_key(&digest(key))
    }

    /// Asks anew from now on: something of the control plane was changed here. Other replicas learn it within a second.
    pub fn forget(&self) {
        self.workspaces.forget();
        self.accounts.forget();
        self.principals.forget();
    }
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

struct Remembered<K, V> {
    /// Raised to forget: what was asked before is filed under a number that nobody looks under any more.
    generation: AtomicU64,
    fresh: Cache<(u64, K), V>,
    last_good: Cache<K, V>,
    counted: Counted,
}

impl<K, V> Remembered<K, V>
where
    K: std::hash::Hash + Eq + Copy + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    fn new(counted: &Counted) -> Self {
        let counted = counted.clone();
        Self { generation: AtomicU64::new(0), fresh: cache(FRESH), last_good: cache(STALE), counted }
    }

    fn forget(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// The remembered answer, or `ask`'s.
    async fn get<F>(&self, key: K, ask: impl FnOnce() -> F) -> Result<V, Error>
    where
        F: Future<Output = Result<V, Error>>,
    {
        let generation = self.generation.load(Ordering::Acquire);
        // A look that would have to wait is none: whoever asks finds what is there.
        if let Some(Some(value)) = self.fresh.get(&(generation, key)).now_or_never() {
            self.counted.looked_up(Lookup::Remembered);
            return Ok(value);
        }
        // Boxed: it is seldom, and takes much room.
        Box::pin(self.ask(generation, key, ask)).await
    }

    /// Concurrent askers of one key share a question.
    async fn ask<F>(&self, generation: u64, key: K, ask: impl FnOnce() -> F) -> Result<V, Error>
    where
        F: Future<Output = Result<V, Error>>,
    {
        // Whether it was this call that asked.
        let ours = AtomicBool::new(false);
        let asked = async {
            ours.store(true, Ordering::Relaxed);
            let answer = ask().await;
            if let Ok(answer) = &answer {
                self.last_good.insert(key, answer.clone()).await;
            }
            answer
        };
        let fresh = self.fresh.try_get_with((generation, key), asked).await;
        let (lookup, answer) = match fresh {
            Ok(value) if ours.into_inner() => (Lookup::Asked, Ok(value)),
            Ok(value) => (Lookup::Remembered, Ok(value)),
            Err(error) => match (&*error, self.last_good.get(&key).await) {
                (Error::Unavailable(cause), Some(value)) => {
                    tracing::warn!(cause, "control database away: a key is taken on its last good answer");
                    (Lookup::StoodIn, Ok(value))
                }
                _ => (Lookup::Failed, Err(copy(&error))),
            },
        };
        self.counted.looked_up(lookup);
        answer
    }
}

fn cache<K, V>(life: Duration) -> Cache<K, V>
where
    K: std::hash::Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    future::Cache::builder().max_capacity(ENTRIES).time_to_live(life).build_with_hasher(RandomState::default())
}

/// The cache shares one error among all who waited for it.
fn copy(error: &Arc<Error>) -> Error {
    match &**error {
        Error::Unavailable(cause) => Error::Unavailable(cause.clone()),
        Error::SchemaVersion(version) => Error::SchemaVersion(*version),
        Error::WorkspaceGone => Error::WorkspaceGone,
        other => Error::Internal(other.to_string()),
    }
}

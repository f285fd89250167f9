//! From a key to what it opens, in one query.

use domain::access::{Permissions, Scopes};
use domain::{AccountId, ActorId, BotId, KeyId, UserId, WorkspaceId};
use tokio_postgres::Row;
use wire::Time;

use super::access::{AccountMember, Membership};
use super::key::ApiKey;
use super::{Control, me, places};
use crate::Result;
use crate::pool::FromRow;

/// Who a key belongs to.
#[derive(Clone, Debug)]
pub struct Principal {
    pub actor: ActorId,
    pub kind: PrincipalKind,
    pub key: KeyId,
    pub key_name: String,
    /// When the key ends; the gateway closes sockets then.
    pub expiration: Option<Time>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrincipalKind {
    User(UserId),
    Bot(BotId),
}

/// What a key is to a workspace.
#[derive(Clone, Debug)]
pub enum Entry {
    /// Unknown, malformed, expired or revoked: 401.
    BadKey,
    /// There is no such workspace for this caller, whether it exists or not: 404.
    NoWorkspace,
    Member(Membership),
}

/// What a key is to an account.
#[derive(Clone, Debug)]
pub enum AccountEntry {
    BadKey,
    /// There is no such account for this caller, whether it exists or not: 404.
    NoAccount,
    Member(AccountMember),
}

/// The key's part of each query below: found by its hash, alive, with whom it belongs to.
macro_rules! alive {
    ($columns:literal, $joins:literal) => {
        concat!(
            "select k.id, k.name, k.actor_id, k.expiration, u.id, b.id,
                k.last_used is null or k.last_used < clock_timestamp() - interval '1 minute'",
            $columns,
            " from control.api_key k
                left join control.users u on u.actor_id = k.actor_id
                left join control.bot b on b.actor_id = k.actor_id",
            $joins,
            " where k.hash = $1 and k.revoked_at is null
                and (k.expiration is null or k.expiration > clock_timestamp())"
        )
    };
}

const AUTHENTICATE: &str = alive!("", "");

/// With the account's permissions, or null when the caller is no active member of it.
const ENTER_ACCOUNT: &str = alive!(
    ", r.permissions",
    " left join control.membership m on m.account_id = $2 and m.actor_id = k.actor_id and m.active
      left join control.account_role r on r.id = m.account_role_id"
);

/// With the workspace and every scope that the caller's roles give there: the one granted, the workspace's default for
/// members of the account, and what those inherit. All null when there is no such live workspace (in the account, where
/// one is named).
const ENTER: &str = alive!(
    ", w.id, w.account_id, w.schema_name, w.schema_version, w.placement,
        x.id is not null or d.id is not null, ar.permissions,
        coalesce(r.scopes, '{}') || coalesce(ri.scopes, '{}') || coalesce(d.scopes, '{}') || coalesce(di.scopes, '{}')",
    " left join control.workspace w on w.id = $2 and ($3::uuid is null or w.account_id = $3) and w.deleted_at is null
      left join control.membership m on m.account_id = w.account_id and m.actor_id = k.actor_id and m.active
      left join control.account_role ar on ar.id = m.account_role_id
      left join control.workspace_access x on x.workspace_id = w.id and x.actor_id = k.actor_id
      left join control.workspace_role r on r.id = x.workspace_role_id
      left join control.workspace_role ri on ri.id = r.inherited_role_id
      left join control.workspace_role d on d.id = w.default_role_id
      left join control.workspace_role di on di.id = d.inherited_role_id"
);

const USED: &str = "update control.api_key set last_used = clock_timestamp()
    where id = $1 and (last_used is null or last_used < clock_timestamp() - interval '1 minute')";

impl Control {
    /// Who a key belongs to; `None` if nobody, any more or yet.
    pub async fn authenticate(&self, key: &str) -> Result<Option<Principal>> {
        let Some(key) = ApiKey::parse(key) else { return Ok(None) };
        let found: Option<Alive> = self.0.db.client().await?.opt(AUTHENTICATE, &[&&key.hash()[..]]).await?;
        Ok(found.map(|alive| self.used(alive)))
    }

    /// What a key may do in a workspace of an account: the check of every request, in one query.
    pub async fn enter(&self, key: &str, account: AccountId, workspace: WorkspaceId) -> Result<Entry> {
        self.enter_either(key, Some(account), workspace).await
    }

    /// The same for the addresses that name a workspace without its account.
    pub async fn enter_workspace(&self, key: &str, workspace: WorkspaceId) -> Result<Entry> {
        self.enter_either(key, None, workspace).await
    }

    async fn enter_either(&self, key: &str, account: Option<AccountId>, workspace: WorkspaceId) -> Result<Entry> {
        let Some(key) = ApiKey::parse(key) else { return Ok(Entry::BadKey) };
        let client = self.0.db.client().await?;
        let found = client.opt(ENTER, &[&&key.hash()[..], &workspace, &account]).await?;
        let Some(Both(alive, OfWorkspace(found))) = found else { return Ok(Entry::BadKey) };
        let principal = self.used(alive);
        let Some(found) = found else { return Ok(Entry::NoWorkspace) };
        let Some(scopes) = found.scopes() else { return Ok(Entry::NoWorkspace) };
        let place = places::place(&self.0.places, &found.place)?;
        Ok(Entry::Member(Membership::new(principal, found.account, scopes, place)))
    }

    /// What a key may do in an account.
    pub async fn enter_account(&self, key: &str, account: AccountId) -> Result<AccountEntry> {
        let Some(key) = ApiKey::parse(key) else { return Ok(AccountEntry::BadKey) };
        let client = self.0.db.client().await?;
        let found = client.opt(ENTER_ACCOUNT, &[&&key.hash()[..], &account]).await?;
        let Some(Both(alive, Listed(permissions))) = found else { return Ok(AccountEntry::BadKey) };
        let principal = self.used(alive);
        Ok(match permissions {
            Some(names) => {
                AccountEntry::Member(AccountMember { principal, account, permissions: Permissions::from_names(names) })
            }
            None => AccountEntry::NoAccount,
        })
    }

    /// Notes that the key was used, once a minute and beside the request: nobody waits for it, and losing one is harmless.
    fn used(&self, alive: Alive) -> Principal {
        let Alive { principal, stale } = alive;
        if stale {
            let (db, key) = (self.0.db.clone(), principal.key);
            tokio::spawn(async move {
                let noted = async { db.client().await?.note(USED, &[&key]).await }.await;
                if let Err(error) = noted {
                    tracing::debug!(%key, %error, "use of a key was not noted");
                }
            });
        }
        principal
    }
}

/// How many columns [`Alive`] takes.
const ALIVE: usize = 7;

/// A key that is good now.
struct Alive {
    principal: Principal,
    /// Its last use is to be noted anew.
    stale: bool,
}

impl FromRow for Alive {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let (user, bot): (Option<UserId>, Option<BotId>) = (row.try_get(4)?, row.try_get(5)?);
        // Every actor is one of the two; were it neither, the nil user has no rights anywhere.
        let kind = match (user, bot) {
            (_, Some(bot)) => PrincipalKind::Bot(bot),
            (user, None) => PrincipalKind::User(user.unwrap_or(UserId(uuid::Uuid::nil()))),
        };
        let principal = Principal {
            key: row.try_get(0)?,
            key_name: row.try_get(1)?,
            actor: row.try_get(2)?,
            expiration: row.try_get(3)?,
            kind,
        };
        Ok(Self { principal, stale: row.try_get(6)? })
    }
}

/// A key and what stands behind its columns in the same row.
struct Both<T>(Alive, T);

impl<T: Behind> FromRow for Both<T> {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self(Alive::from_row(row)?, T::read(row, ALIVE)?))
    }
}

trait Behind: Sized {
    fn read(row: &Row, at: usize) -> Result<Self, tokio_postgres::Error>;
}

/// The permissions' names; `None` for no member.
struct Listed(Option<Vec<String>>);

impl Behind for Listed {
    fn read(row: &Row, at: usize) -> Result<Self, tokio_postgres::Error> {
        row.try_get(at).map(Self)
    }
}

/// A live workspace and what the caller is to it.
struct Found {
    place: places::Row,
    account: AccountId,
    granted: bool,
    permissions: Option<Vec<String>>,
    scopes: Vec<String>,
}

impl Found {
    /// `None` for who is not in the account any more, or is and was given no role here.
    fn scopes(&self) -> Option<Scopes> {
        // Null where there is no membership.
        me::effective(self.permissions.as_deref()?, self.granted, &self.scopes)
    }
}

struct OfWorkspace(Option<Found>);

impl Behind for OfWorkspace {
    fn read(row: &Row, at: usize) -> Result<Self, tokio_postgres::Error> {
        let Some(workspace) = row.try_get(at)? else { return Ok(Self(None)) };
        Ok(Self(Some(Found {
            account: row.try_get(at + 1)?,
            place: places::Row {
                workspace,
                schema: row.try_get(at + 2)?,
                version: row.try_get(at + 3)?,
                placement: row.try_get(at + 4)?,
            },
            granted: row.try_get(at + 5)?,
            permissions: row.try_get(at + 6)?,
            scopes: row.try_get(at + 7)?,
        })))
    }
}

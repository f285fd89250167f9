//! From a key or a verified token to what it opens, in one query.

use domain::access::{Permissions, Scopes};
use domain::{AccountId, ActorId, BotId, KeyId, UserId, WorkspaceId};
use tokio_postgres::Row;
use wire::Time;

use super::access::{AccountMember, Membership};
use super::credential::Credential;
use super::key::ApiKey;
use super::{Control, me, places};
use crate::pool::{FromRow, Param};
use crate::{Error, Result};

/// Who a key belongs to, or a token stands for.
#[derive(Clone, Debug)]
pub struct Principal {
    pub actor: ActorId,
    pub kind: PrincipalKind,
    /// The key; of a token, the identity by which it came in.
    pub key: KeyId,
    pub key_name: String,
    /// When the key or token ends; the gateway closes sockets then.
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

/// A query by either credential; both give the same columns.
struct Sql {
    key: &'static str,
    token: &'static str,
}

/// The credential's part of each query below, `$1`: alive, with whom it belongs to.
///
/// A key is found by its hash. A token stands for the service account of an identity of its issuer, for one of its
/// audiences, with no claim that it lacks: the narrowest such, then the oldest. A token that is meant for two accounts is
/// meant for neither.
macro_rules! alive {
    ($columns:literal, $joins:literal) => {
        Sql {
            key: concat!(
                "select k.id, k.name, k.actor_id, k.expiration, u.id, b.id,
                    k.last_used is null or k.last_used < clock_timestamp() - interval '1 minute'",
                $columns,
                " from control.api_key k
                    left join control.users u on u.actor_id = k.actor_id
                    left join control.bot b on b.actor_id = k.actor_id",
                $joins,
                " where k.hash = $1 and k.revoked_at is null
                    and (k.expiration is null or k.expiration > clock_timestamp())"
            ),
            token: concat!(
                "select k.id, k.name, k.actor_id, null::timestamptz, null::uuid, k.bot_id,
                    k.last_used is null or k.last_used < clock_timestamp() - interval '1 minute'",
                $columns,
                " from (
                    select i.id, i.name, b.actor_id, b.id bot_id, i.last_used
                    from control.identity i join control.bot b on b.id = i.bot_id
                    where i.issuer_id = ($1::jsonb ->> 'issuer')::uuid
                        and i.audience = any(array(select jsonb_array_elements_text($1::jsonb -> 'audiences')))
                        and ($1::jsonb -> 'claims') @> i.claims
                        and not exists (
                            select 1 from control.audience a
                            where a.issuer_id = i.issuer_id and a.account_id <> i.account_id
                                and a.audience = any(array(select jsonb_array_elements_text($1::jsonb -> 'audiences'))))
                    order by i.weight desc, i.created, i.id limit 1
                ) k",
                $joins
            ),
        }
    };
}

const AUTHENTICATE: Sql = alive!("", "");

/// With the account's permissions, or null when the caller is no active member of it.
const ENTER_ACCOUNT: Sql = alive!(
    ", r.permissions",
    " left join control.membership m on m.account_id = $2 and m.actor_id = k.actor_id and m.active
      left join control.account_role r on r.id = m.account_role_id"
);

/// With the workspace and every scope that the caller's roles give there: the one granted, the workspace's default for
/// members of the account, and what those inherit. All null when there is no such live workspace (in the account, where
/// one is named).
const ENTER: Sql = alive!(
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
const IDENTITY_USED: &str = "update control.identity set last_used = clock_timestamp()
    where id = $1 and (last_used is null or last_used < clock_timestamp() - interval '1 minute')";

impl Control {
    /// Who a key belongs to; `None` if nobody, any more or yet.
    pub async fn authenticate<'a>(&self, credential: impl Into<Credential<'a>>) -> Result<Option<Principal>> {
        let found: Option<Both<Nothing>> = self.look(credential.into(), &AUTHENTICATE, &[]).await?;
        Ok(found.map(|Both(principal, Nothing)| principal))
    }

    /// What a key may do in a workspace of an account: the check of every request, in one query.
    pub async fn enter<'a>(
        &self,
        credential: impl Into<Credential<'a>>,
        account: AccountId,
        workspace: WorkspaceId,
    ) -> Result<Entry> {
        self.enter_either(credential.into(), Some(account), workspace).await
    }

    /// The same for the addresses that name a workspace without its account.
    pub async fn enter_workspace<'a>(
        &self,
        credential: impl Into<Credential<'a>>,
        workspace: WorkspaceId,
    ) -> Result<Entry> {
        self.enter_either(credential.into(), None, workspace).await
    }

    async fn enter_either(
        &self,
        credential: Credential<'_>,
        account: Option<AccountId>,
        workspace: WorkspaceId,
    ) -> Result<Entry> {
        let found = self.look(credential, &ENTER, &[&workspace, &account]).await?;
        let Some(Both(principal, OfWorkspace(found))) = found else { return Ok(Entry::BadKey) };
        let Some(found) = found else { return Ok(Entry::NoWorkspace) };
        let Some(scopes) = found.scopes() else { return Ok(Entry::NoWorkspace) };
        let place = places::place(&self.0.places, &found.place)?;
        Ok(Entry::Member(Membership::new(principal, found.account, scopes, place)))
    }

    /// What a key may do in an account.
    pub async fn enter_account<'a>(
        &self,
        credential: impl Into<Credential<'a>>,
        account: AccountId,
    ) -> Result<AccountEntry> {
        let found = self.look(credential.into(), &ENTER_ACCOUNT, &[&account]).await?;
        let Some(Both(principal, Listed(permissions))) = found else { return Ok(AccountEntry::BadKey) };
        Ok(match permissions {
            Some(names) => {
                AccountEntry::Member(AccountMember { principal, account, permissions: Permissions::from_names(names) })
            }
            None => AccountEntry::NoAccount,
        })
    }

    /// Finds whom a credential is good for, and what stands behind it in the same row.
    async fn look<T: Behind>(
        &self,
        credential: Credential<'_>,
        sql: &Sql,
        rest: &[Param<'_>],
    ) -> Result<Option<Both<T>>> {
        let found: Result<Option<Read<T>>> = match credential {
            Credential::Key(text) => {
                let Some(key) = ApiKey::parse(text) else { return Ok(None) };
                let hash = key.hash();
                self.0.db.client().await?.opt(sql.key, &with(&&hash[..], rest)).await
            }
            Credential::Token(token) => match self.0.db.client().await?.opt(sql.token, &with(token.said(), rest)).await
            {
                // It says something that Postgres has no place for, and so no identity does.
                Err(Error::NotStorable(_)) => Ok(None),
                found => found,
            },
        };
        let Some(Read(Alive { mut principal, stale }, behind)) = found? else { return Ok(None) };
        let used = match credential {
            Credential::Key(_) => USED,
            Credential::Token(token) => {
                principal.expiration = Some(token.expiration());
                IDENTITY_USED
            }
        };
        if stale {
            self.note_use(used, principal.key);
        }
        Ok(Some(Both(principal, behind)))
    }

    /// Notes that the key was used, once a minute and beside the request: nobody waits for it, and losing one is harmless.
    fn note_use(&self, sql: &'static str, key: KeyId) {
        let db = self.0.db.clone();
        tokio::spawn(async move {
            let noted = async { db.client().await?.note(sql, &[&key]).await }.await;
            if let Err(error) = noted {
                tracing::debug!(%key, %error, "use of a key was not noted");
            }
        });
    }
}

/// The parameters of a query: the credential, then what it is asked for.
fn with<'p>(credential: Param<'p>, rest: &[Param<'p>]) -> Vec<Param<'p>> {
    std::iter::once(credential).chain(rest.iter().copied()).collect()
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

/// Whom a credential is good for, and what stands behind it.
struct Both<T>(Principal, T);

/// The same as a row has it.
struct Read<T>(Alive, T);

impl<T: Behind> FromRow for Read<T> {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self(Alive::from_row(row)?, T::read(row, ALIVE)?))
    }
}

trait Behind: Sized {
    fn read(row: &Row, at: usize) -> Result<Self, tokio_postgres::Error>;
}

struct Nothing;

impl Behind for Nothing {
    fn read(_: &Row, _: usize) -> Result<Self, tokio_postgres::Error> {
        Ok(Self)
    }
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

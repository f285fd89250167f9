//! What a database says of itself and of a login, for whoever checks a deployment. Reads, and changes nothing.
//!
//! Every statement is one nameless message, so that it passes whatever pooler stands in between. Every wait is bounded.

use std::time::Duration;

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use wire::Time;

use crate::pool::FromRow;
use crate::sql::Columns;
use crate::{Error, Postgres, Result};

/// The server and its settings, as they hold for the login that asks.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// 150004 for 15.4.
    pub version: i32,
    pub encoding: String,
    pub max_connections: i64,
    /// How many of them this login may open in this database.
    pub connections: i64,
    /// Locks that all transactions together can hold.
    pub locks: i64,
    pub fsync: bool,
    pub full_page_writes: bool,
    pub autovacuum: bool,
    pub synchronous_commit: String,
    /// In bytes.
    pub work_mem: i64,
    /// In bytes.
    pub max_wal_size: i64,
    pub read_only: bool,
    pub now: Time,
}

crate::row! { Server:
version "current_setting('server_version_num')::int4",
encoding "(select pg_encoding_to_char(d.encoding)::text from pg_database d where d.datname = current_database())",
max_connections "current_setting('max_connections')::int8",
connections "least(
    current_setting('max_connections')::int8 - current_setting('superuser_reserved_connections')::int8
        - coalesce(current_setting('reserved_connections', true)::int8, 0),
    (select nullif(d.datconnlimit, -1)::int8 from pg_database d where d.datname = current_database()),
    (select nullif(r.rolconnlimit, -1)::int8 from pg_roles r where r.rolname = current_user))",
locks "current_setting('max_locks_per_transaction')::int8
    * (current_setting('max_connections')::int8 + current_setting('max_prepared_transactions')::int8)",
fsync "current_setting('fsync') = 'on'",
full_page_writes "current_setting('full_page_writes') = 'on'",
autovacuum "current_setting('autovacuum') = 'on'",
synchronous_commit "current_setting('synchronous_commit')",
work_mem "pg_size_bytes(current_setting('work_mem'))",
max_wal_size "pg_size_bytes(current_setting('max_wal_size'))",
read_only "pg_is_in_recovery() or current_setting('default_transaction_read_only') = 'on'",
now "clock_timestamp()" }

/// A login and what it may do.
#[derive(Clone, Debug, PartialEq)]
pub struct Login {
    pub name: String,
    /// The same for two logins that lead to one database.
    pub database: String,
    pub superuser: bool,
    pub bypasses_row_security: bool,
    pub makes_roles: bool,
    pub makes_schemas: bool,
    pub search_path: String,
    /// May call `set_config`, with which one injected SELECT could change role.
    pub sets_config: bool,
    /// Whether it owns the control schema; `None` where there is none.
    pub owns_control: Option<bool>,
    /// Schemas of workspaces in this database, spare ones among them.
    pub workspaces: i64,
    /// Those into whose role it can step.
    pub enters: i64,
    /// Those that are open to it without that.
    pub open: i64,
    /// Tables of the control schema that it cannot read.
    pub unreadable: i64,
}

// From Postgres 16 on a member of a role may step into it only if the grant says so.
crate::row! { Login:
name "r.rolname::text",
database "(select d.oid::text || ' ' || pg_postmaster_start_time()::text from pg_database d where d.datname = current_database())",
superuser "r.rolsuper",
bypasses_row_security "r.rolbypassrls",
makes_roles "r.rolcreaterole",
makes_schemas "has_database_privilege(current_database(), 'create')",
search_path "current_setting('search_path')",
sets_config "has_function_privilege('pg_catalog.set_config(text, text, boolean)', 'execute')",
owns_control "(select n.nspowner = r.oid from pg_namespace n where n.nspname = 'control')",
workspaces "(select count(*) from pg_namespace n where n.nspname ~ '^ws_[0-9a-f]{32}$')",
enters "(select count(*) from pg_namespace n join pg_roles w on w.rolname = n.nspname where n.nspname ~ '^ws_[0-9a-f]{32}$'
    and pg_has_role(r.oid, w.oid, case when current_setting('server_version_num')::int4 < 160000 then 'member' else 'set' end))",
open "(select count(*) from pg_namespace n where n.nspname ~ '^ws_[0-9a-f]{32}$' and has_schema_privilege(n.oid, 'usage'))",
unreadable "(select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'control' and c.relkind = 'r'
    and not (has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')))" }

/// What was migrated, and how far.
#[derive(Clone, Debug, PartialEq)]
pub struct Schemas {
    pub control: Control,
    /// Versions of live workspaces, and how many have each; nothing where the control schema cannot be read.
    pub workspaces: Vec<(i32, i64)>,
    /// Tables in all workspaces' schemas.
    pub tables: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    Missing,
    /// It is there, and the login has no right to look.
    Closed,
    Version(i32),
}

/// What stands between the program and the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Nothing.
    Direct,
    /// A pooler; as far as was seen it keeps a connection for each of ours.
    Sessions,
    /// A pooler that was seen to give a connection of the server to two of ours.
    Transactions,
}

// The catalogue may be read by everybody, where `to_regclass` is refused to a login without rights on the schema.
const META: &str = "select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'control' and c.relname = 'meta'),
    coalesce((select bool_and(has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select'))
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'control' and c.relname in ('meta', 'workspace')), false)";
const CONTROL: &str = "select schema_version from control.meta";
const WORKSPACES: &str =
    "select schema_version, count(*) from control.workspace where deleted_at is null group by 1 order by 1";
const TABLES: &str = "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname ~ '^ws_[0-9a-f]{32}$'";
const IS_DIRECT: &str = "select current_setting('prefecture.direct', true) is not distinct from 'yes'";
/// A pooler does not hand this on, or refuses it; the server itself takes it.
const DIRECT: &str = "-c prefecture.direct=yes";
const PID: &str = "select pg_backend_pid()";

/// How long the server may take to answer: a person waits.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often two connections are held against each other.
const LOOKS: u32 = 5;

/// A connection that looks around.
pub struct Inspection {
    client: Client,
    postgres: Postgres,
}

impl Inspection {
    /// Connects as the login of `url`.
    ///
    /// # Errors
    /// [`Error::Unavailable`] with what the server said, which holds no password.
    pub async fn begin(url: &str) -> Result<Self> {
        let postgres: Postgres = url.parse().map_err(|e| Error::Unavailable(format!("the URL {e}")))?;
        let postgres = postgres.named("prefecture-doctor");
        let client = match connect(&postgres.clone().with_option(DIRECT)).await {
            Err(Refused::Option(_)) => connect(&postgres).await,
            connected => connected,
        };
        Ok(Self { client: client?, postgres })
    }

    pub async fn server(&self) -> Result<Server> {
        self.one(&format!("select {}", Server::COLUMNS)).await
    }

    pub async fn login(&self) -> Result<Login> {
        self.one(&format!("select {} from pg_roles r where r.rolname = current_user", Login::COLUMNS)).await
    }

    pub async fn schemas(&self) -> Result<Schemas> {
        let (there, readable): (bool, bool) = self.one(META).await?;
        let (tables,): (i64,) = self.one(TABLES).await?;
        if !there || !readable {
            let control = if there { Control::Closed } else { Control::Missing };
            return Ok(Schemas { control, workspaces: Vec::new(), tables });
        }
        // A row is written with the first file.
        let version = self.all::<(i32,)>(CONTROL).await?.first().map_or(0, |(version,)| *version);
        Ok(Schemas { control: Control::Version(version), workspaces: self.all(WORKSPACES).await?, tables })
    }

    /// Looks with a second connection: a pooler of transactions gives both of them what it has at hand.
    pub async fn way(&self) -> Result<Way> {
        let (direct,): (bool,) = self.one(IS_DIRECT).await?;
        if direct {
            return Ok(Way::Direct);
        }
        let other = Self { client: connect(&self.postgres).await?, postgres: self.postgres.clone() };
        let mut seen: Option<(i32, i32)> = None;
        for _ in 0..LOOKS {
            let ((mine,), (its,)) = (self.one::<(i32,)>(PID).await?, other.one::<(i32,)>(PID).await?);
            if mine == its || seen.is_some_and(|seen| seen != (mine, its)) {
                return Ok(Way::Transactions);
            }
            seen = Some((mine, its));
        }
        Ok(Way::Sessions)
    }

    async fn one<T: FromRow>(&self, sql: &str) -> Result<T> {
        self.all(sql)
            .await?
            .into_iter()
            .next()
            .ok_or_else(|| Error::internal("a statement that always has a row had none"))
    }

    async fn all<T: FromRow>(&self, sql: &str) -> Result<Vec<T>> {
        let rows = tokio::time::timeout(PATIENCE, self.client.query_typed(sql, &[])).await.map_err(|_| late())??;
        rows.iter().map(|row| T::from_row(row).map_err(Error::from)).collect()
    }
}

/// Why there is no connection.
enum Refused {
    /// Perhaps because of the options.
    Option(Error),
    Other(Error),
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Option(error) | Refused::Other(error) => error,
        }
    }
}

async fn connect(postgres: &Postgres) -> Result<Client, Refused> {
    let connected = tokio::time::timeout(PATIENCE, postgres.connect(PATIENCE)).await;
    let (client, _) = connected.map_err(|_| Refused::Other(late()))?.map_err(|error| {
        let code = error.code().cloned();
        let error = match Error::from(error) {
            Error::Internal(text) => Error::Unavailable(text),
            other => other,
        };
        match code {
            Some(SqlState::PROTOCOL_VIOLATION | SqlState::FEATURE_NOT_SUPPORTED) => Refused::Option(error),
            _ => Refused::Other(error),
        }
    })?;
    Ok(client)
}

fn late() -> Error {
    Error::Unavailable(format!("no answer within {} s", PATIENCE.as_secs()))
}

//! Connections to the control database. They belong to no tenant, so a statement may stand alone here. What changes an
//! answer is a [`Transaction`], whose end whoever listens is told of ([`crate::commits`]).

use std::sync::Arc;

use deadpool_postgres::{GenericClient as Prepares, Object, Runtime};
use domain::kinds::{Kind, Kinds};
use futures_util::TryStreamExt;
use tokio_postgres::GenericClient as _;
use tracing::Instrument;

use super::ControlSettings;
use crate::commits::{Commits, Space};
use crate::connect::{Connector, Postgres};
use crate::pool::{FromRow, Param, Pooler, Pulse, Types, execute, query};
use crate::sql::writes;
use crate::{Error, Result};

#[derive(Clone)]
pub(super) struct Db {
    pool: deadpool_postgres::Pool,
    pulse: Pulse,
    connector: Connector,
    types: Unnamed,
    commits: Commits,
    bound: Arc<str>,
}

/// Of statements without a name, where a pooler asks for such.
type Unnamed = Option<Arc<Types>>;

/// A connection, on which each statement is its own transaction.
pub(super) struct Client {
    object: Object,
    pulse: Pulse,
    types: Unnamed,
    commits: Commits,
    bound: Arc<str>,
}

/// Several statements as one. Dropped before [`Transaction::commit`], it is rolled back.
pub(super) struct Transaction<'c> {
    tx: deadpool_postgres::Transaction<'c>,
    pulse: &'c Pulse,
    types: &'c Unnamed,
    commits: &'c Commits,
}

/// Connections to the control database at this moment.
#[derive(Debug, Clone, Copy)]
pub struct Connections {
    pub open: usize,
    pub idle: usize,
    /// Who waits for one.
    pub waiting: usize,
}

impl Db {
    pub fn new(settings: &ControlSettings, commits: Commits) -> Result<Self> {
        let postgres: Postgres = settings.url.parse().map_err(Error::internal)?;
        let postgres = postgres.named("prefecture-control");
        let connector = Connector::to(&postgres);
        let pool = deadpool_postgres::Pool::builder(connector.manager(&postgres))
            // One is the pulse's.
            .max_size(settings.connections.max(1) + 1)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(settings.wait))
            .create_timeout(Some(settings.wait))
            .build()
            .map_err(Error::internal)?;
        let resting = pool.clone();
        let pulse = Pulse::of(pool.clone(), settings.patience, move || drop(resting.retain(|_, _| false)));
        let types = (settings.pooler == Pooler::Transaction).then(Arc::default);
        let idle = settings.idle_transaction.as_millis();
        let bound = format!("SET LOCAL idle_in_transaction_session_timeout TO {idle}").into();
        Ok(Self { pool, pulse, connector, types, commits, bound })
    }

    pub fn connections(&self) -> Connections {
        let status = self.pool.status();
        Connections { open: status.size, idle: status.available, waiting: status.waiting }
    }

    pub async fn close(&self) {
        self.pulse.end();
        self.connector.gone().await;
    }

    pub async fn client(&self) -> Result<Client> {
        // A login that is refused or a database that is not there may be right again in a moment, and no request is to be
        // told that its key is wrong meanwhile.
        let object = self.pulse.or_away(self.pulse.open()).await;
        let object = object.map_err(|error| Error::Unavailable(format!("control database: {error}")))?;
        Ok(Client {
            object,
            pulse: self.pulse.clone(),
            types: self.types.clone(),
            commits: self.commits.clone(),
            bound: self.bound.clone(),
        })
    }
}

impl Client {
    /// Reads.
    pub async fn all<T: FromRow>(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<T>> {
        debug_assert!(writes::tables(sql).is_empty(), "a write is a transaction, or nobody hears of it: {sql}");
        self.pulse.or_away(all(&self.object, self.object.client(), &self.types, sql, params)).await
    }

    pub async fn opt<T: FromRow>(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Option<T>> {
        Ok(self.all(sql, params).await?.into_iter().next())
    }

    /// Writes what no kept answer shows, without telling anybody.
    pub async fn note(&self, sql: &'static str, params: &[Param<'_>]) -> Result<()> {
        self.pulse.or_away(run(&self.object, self.object.client(), &self.types, sql, params)).await.map(drop)
    }

    pub async fn begin(&mut self) -> Result<Transaction<'_>> {
        let Self { object, pulse, types, commits, bound } = self;
        let begun = async {
            let tx = object.transaction().await?;
            // A replica that stands still in the middle keeps the others from its rows no longer than this.
            tx.batch_execute(bound).await?;
            Ok(tx)
        };
        let tx = pulse.or_away(async { begun.await.map_err(readable) }).await?;
        Ok(Transaction { tx, pulse, types, commits })
    }
}

impl Transaction<'_> {
    pub async fn all<T: FromRow>(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<T>> {
        self.pulse.or_away(all(&self.tx, self.tx.client(), self.types, sql, params)).await
    }

    pub async fn opt<T: FromRow>(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Option<T>> {
        Ok(self.all(sql, params).await?.into_iter().next())
    }

    /// The one row that the statement always has.
    pub async fn one<T: FromRow>(&self, sql: &'static str, params: &[Param<'_>]) -> Result<T> {
        let row = self.opt(sql, params).await?;
        row.ok_or_else(|| Error::internal("a statement that always has a row had none"))
    }

    /// How many rows the statement touched.
    pub async fn run(&self, sql: &'static str, params: &[Param<'_>]) -> Result<u64> {
        self.pulse.or_away(run(&self.tx, self.tx.client(), self.types, sql, params)).await
    }

    pub async fn commit(self) -> Result<()> {
        let Self { tx, pulse, commits, .. } = self;
        let heard = commits.heard(Kinds::of(&[Kind::Control]));
        commits.before(Space::Control, heard).await;
        let committed = pulse.or_away(async { tx.commit().await.map_err(readable) }).await;
        commits.after(Space::Control, heard).await;
        committed
    }
}

// The texts are `'static`, so the statements a connection keeps prepared are bounded by the program.

async fn all<T: FromRow>(
    prepares: &impl Prepares,
    client: &tokio_postgres::Client,
    unnamed: &Unnamed,
    sql: &'static str,
    params: &[Param<'_>],
) -> Result<Vec<T>> {
    let asked = async {
        match unnamed {
            None => prepares.query(&prepares.prepare_cached(sql).await?, params).await,
            Some(types) => query(client, sql, &types.of(client, sql).await?, params).await?.try_collect().await,
        }
    };
    let rows = asked.instrument(span()).await.map_err(readable)?;
    rows.iter().map(|row| T::from_row(row).map_err(Error::from)).collect()
}

async fn run(
    prepares: &impl Prepares,
    client: &tokio_postgres::Client,
    unnamed: &Unnamed,
    sql: &'static str,
    params: &[Param<'_>],
) -> Result<u64> {
    let done = async {
        match unnamed {
            None => prepares.execute(&prepares.prepare_cached(sql).await?, params).await,
            Some(types) => execute(client, sql, &types.of(client, sql).await?, params).await,
        }
    };
    done.instrument(span()).await.map_err(readable)
}

fn span() -> tracing::Span {
    tracing::info_span!(target: crate::SPANS, "control statement", otel.kind = "client", db.system.name = "postgresql")
}

/// Errors of this database in the caller's terms: a table that is missing means that it was not migrated, not that a
/// workspace went away, and a uniqueness rule is told in a sentence that may be shown.
fn readable(error: tokio_postgres::Error) -> Error {
    let sentence = error.as_db_error().and_then(|db| db.constraint()).and_then(sentence);
    match (Error::from(error), sentence) {
        (Error::WorkspaceGone, _) => {
            Error::Unavailable("the control database has not been migrated: run `prefecture migrate`".into())
        }
        (Error::Conflict(_), Some(sentence)) => Error::Conflict(sentence.into()),
        (Error::Conflict(cause), None) => {
            tracing::info!(cause, "a change of the control plane was refused");
            Error::Conflict("The change conflicts with what is there.".into())
        }
        (other, _) => other,
    }
}

fn sentence(constraint: &str) -> Option<&'static str> {
    Some(match constraint {
        "account_handle" => "An account with this handle already exists.",
        "users_handle" => "A user with this handle already exists.",
        "users_email" => "A user with this email address already exists.",
        "membership_actor" => "Already a member of this account.",
        "issuer_url" => "This issuer is there already.",
        "identity_name" => "An identity with this name already exists.",
        "identity_audience" => "Another account uses this audience of the issuer: choose one of your own.",
        "bot_name" => "A service account with this name already exists.",
        "workspace_handle" => "A workspace with this handle already exists.",
        "workspace_role_name" | "account_role_name" => "A role with this name already exists.",
        "workspace_access_workspace_role_id_fkey"
        | "workspace_role_inherited_role_id_fkey"
        | "workspace_default_role_id_fkey" => "The role is in use or does not exist.",
        "membership_account_role_id_fkey" => "The account role is in use or does not exist.",
        "workspace_account_id_fkey" => "The account still has workspaces.",
        "account_plan_fkey" => "The plan does not exist, or an account is still on it.",
        _ => return None,
    })
}

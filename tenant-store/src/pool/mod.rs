//! Connections to one database that holds workspaces.
//!
//! A connection at rest belongs to nobody: the login role has no rights in tenant schemas, and every access, reads too, is a
//! transaction that sets role and search path locally ([`Tx`]). Connections remember which workspaces they served, and a
//! small picker over deadpool's objects keeps each workspace to few of them ([`picker`]).
//! [`Lane`]s keep one tenant's heavy lists from starving its own, or its neighbours', state changes.

mod connection;
mod lanes;
mod news;
mod outcome;
mod picker;
mod pulse;
mod span;
#[cfg(test)]
mod tests;
mod tx;
mod typed;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use deadpool_postgres::{Hook, HookError};

use domain::WorkspaceId;

use crate::connect::{Connector, Postgres};
use crate::ticks::Ticks;
use crate::{Commits, Error, Result, Scope};
use connection::Connection;
use lanes::Lanes;
use picker::{PATIENCE, Picked, Picker, Slot};
pub(crate) use pulse::Pulse;

pub use lanes::{Lane, LaneStatus};
pub use tx::{FromRow, Param, Tx};
pub use typed::Pooler;
pub(crate) use typed::{Types, execute, query};

/// Bounds of a pool. Every wait ends in [`Error::Unavailable`], never in a hang.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    /// Connections at most, all lanes together.
    pub size: usize,
    /// How long a request may wait for its turn and a connection.
    pub wait: Duration,
    /// How long opening a connection may take.
    pub connect: Duration,
    /// How long the database may take to answer a ping before it counts as away.
    pub patience: Duration,
    /// How long a transaction may wait for its next statement; then the database ends it. So a replica that stands still, or
    /// whose network swallows everything, does not hold its locks against the others.
    pub idle_transaction: Duration,
    /// After so many different workspaces a connection is closed: its backend caches the catalogue of each.
    pub schemas_per_connection: usize,
    /// After this time a connection is closed.
    pub max_age: Duration,
    /// `SET LOCAL ROLE` to the workspace's role in each transaction; off where the database gives no roles.
    pub tenant_roles: bool,
    /// What stands between the pool and the database.
    pub pooler: Pooler,
    /// Longest a statement of the lane may run.
    pub timeouts: LaneTimeouts,
}

/// Longest a statement may run, by lane.
#[derive(Debug, Clone, Copy)]
pub struct LaneTimeouts {
    pub hot: Duration,
    pub read: Duration,
    pub heavy: Duration,
    pub ingest: Duration,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            size: 16,
            wait: Duration::from_secs(5),
            connect: Duration::from_secs(5),
            patience: ANSWER_WITHIN,
            idle_transaction: Duration::from_secs(5),
            schemas_per_connection: 100,
            max_age: Duration::from_secs(30 * 60),
            tenant_roles: true,
            pooler: Pooler::None,
            timeouts: LaneTimeouts {
                hot: Duration::from_secs(10),
                read: Duration::from_secs(10),
                heavy: Duration::from_secs(30),
                ingest: Duration::from_secs(30),
            },
        }
    }
}

/// What a pool holds at this moment.
#[derive(Debug, Clone, Copy)]
pub struct PoolStatus {
    pub open: usize,
    pub idle: usize,
    pub size: usize,
    pub lanes: [LaneStatus; 4],
}

/// Told how long each request waited for its connection, or until it gave up.
type OnWait = Box<dyn Fn(Lane, Duration) + Send + Sync>;

/// What a new session is told: the hot lane's time-outs and generic plans, so that its transactions need not set them, and
/// that a list takes one core, not its neighbours' too, and none of its time to compile a plan that is carried out once (a
/// second, for what looks dear to Postgres and takes some milliseconds). Not by options of the connection, which some poolers refuse. Behind a
/// pooler of transactions sessions are not ours, and each transaction sets all it needs.
fn prepared_sessions(settings: &PoolSettings) -> Hook {
    let told = match settings.pooler {
        Pooler::None => {
            let (timeout, idle) = (settings.timeouts.hot.as_millis(), settings.idle_transaction.as_millis());
            format!(
                "SET statement_timeout TO {timeout};SET idle_in_transaction_session_timeout TO {idle};\
                 SET plan_cache_mode TO force_generic_plan;SET max_parallel_workers_per_gather TO 0;SET jit TO off"
            )
        }
        Pooler::Transaction => String::new(),
    };
    Hook::async_fn(move |client, _| {
        let told = told.clone();
        Box::pin(async move {
            match told.is_empty() {
                true => Ok(()),
                false => client.batch_execute(&told).await.map_err(HookError::Backend),
            }
        })
    })
}

#[derive(Clone)]
pub struct Pool(Arc<Inner>);

/// Connections beyond the lanes, for readiness, for asking what became of a commit while every other is in use, for the
/// pulse, and for hints and claims.
const SPARE: usize = 5;
/// Within two seconds whoever waits for a database that hangs is told, and one that is only busy answers long before.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

struct Inner {
    factory: deadpool_postgres::Pool,
    lanes: Lanes,
    picker: Arc<Picker>,
    pulse: Pulse,
    connector: Connector,
    /// Of statements without a name.
    types: Types,
    settings: PoolSettings,
    on_wait: OnceLock<OnWait>,
    commits: Commits,
    ticks: Ticks,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Pool").field(&self.status()).finish()
    }
}

impl Pool {
    /// A pool on the database at `postgres`, of whose commits `commits` is told. Opens nothing yet.
    pub fn new(postgres: &Postgres, settings: PoolSettings, commits: Commits) -> Result<Self> {
        let connector = Connector::to(postgres);
        let factory = deadpool_postgres::Pool::builder(connector.manager(postgres))
            .max_size(settings.size + SPARE)
            .post_create(prepared_sessions(&settings))
            .runtime(deadpool_postgres::Runtime::Tokio1)
            .wait_timeout(Some(settings.wait))
            .create_timeout(Some(settings.connect))
            .build()
            .map_err(Error::internal)?;
        let (lanes, picker) = (Lanes::new(settings.size), Arc::new(Picker::new(settings.size)));
        let resting = picker.clone();
        let pulse = Pulse::of(factory.clone(), settings.patience, move || resting.clear());
        let (types, on_wait, ticks) = (Types::default(), OnceLock::new(), Ticks::default());
        let inner = Inner { factory, lanes, picker, pulse, connector, types, settings, on_wait, commits, ticks };
        Ok(Self(Arc::new(inner)))
    }

    /// A transaction of reads: each statement stands alone, sent with its `BEGIN` and `COMMIT` in one trip.
    pub async fn read<'s>(&self, scope: &'s Scope, lane: Lane) -> Result<Tx<'s>> {
        self.begin(scope, lane, tx::Mode::EachStatement).await
    }

    /// A transaction that writes: begun with its first statement, ended by `commit` or with its last statement.
    pub async fn write<'s>(&self, scope: &'s Scope, lane: Lane) -> Result<Tx<'s>> {
        self.begin(scope, lane, tx::Mode::Whole).await
    }

    /// Whether the database answers, for readiness.
    pub async fn ping(&self) -> Result<()> {
        let answered = async {
            let object = self.0.factory.get().await.map_err(|e| Error::Unavailable(e.to_string()))?;
            object.simple_query("SELECT 1").await.map(drop).map_err(Error::from)
        };
        self.pulse().or_away(answered).await
    }

    /// Through which everything goes that waits for the database.
    pub(crate) fn pulse(&self) -> &Pulse {
        &self.0.pulse
    }

    pub fn status(&self) -> PoolStatus {
        let status = self.0.factory.status();
        let idle = self.0.picker.idle() + status.available;
        PoolStatus { open: status.size, idle, size: self.0.settings.size, lanes: self.0.lanes.status() }
    }

    /// Whether no request but one needs the database now.
    pub(crate) fn is_quiet(&self) -> bool {
        self.0.lanes.is_quiet()
    }

    /// Tells every wait for a connection from now on. Once for each pool; a second listener is not heard.
    pub fn on_wait(&self, tell: impl Fn(Lane, Duration) + Send + Sync + 'static) {
        let _ = self.0.on_wait.set(Box::new(tell));
    }

    /// Closes what is at rest, and what is in use when it comes back, and returns when all is closed. Nothing is given out
    /// any more.
    pub async fn close(&self) {
        self.0.pulse.end();
        self.0.connector.gone().await;
    }

    pub fn settings(&self) -> &PoolSettings {
        &self.0.settings
    }

    pub(crate) fn commits(&self) -> &Commits {
        &self.0.commits
    }

    pub(crate) fn ticks(&self) -> &Ticks {
        &self.0.ticks
    }

    /// Whether both are the same pool.
    pub fn is(&self, other: &Pool) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    async fn begin<'s>(&self, scope: &'s Scope, lane: Lane, mode: tx::Mode) -> Result<Tx<'s>> {
        let span = span::transaction(scope, lane, mode);
        let asked = Instant::now();
        let connection = self.pulse().or_away(self.connection(scope, lane)).await;
        let waited = asked.elapsed();
        if let Some(tell) = self.0.on_wait.get() {
            tell(lane, waited);
        }
        span::waited(&span, waited);
        match connection {
            Ok(connection) => Ok(Tx::new(connection, scope, lane, mode, span)),
            Err(error) => {
                span::failed(&span);
                Err(error)
            }
        }
    }

    async fn connection(&self, scope: &Scope, lane: Lane) -> Result<Connection> {
        let workspace = scope.workspace();
        let turn = self.0.lanes.turn(workspace, lane);
        let turn = tokio::time::timeout(self.0.settings.wait, turn).await.map_err(|_| {
            Error::Unavailable(format!("no connection within {:?} ({lane:?} lane)", self.0.settings.wait))
        })?;
        let member = match self.pick(workspace).await {
            Picked::Idle(slot) => return Ok(Connection::new(self.clone(), slot, turn)),
            Picked::Open(member) => member,
        };
        let object = self.pulse().open().await?;
        Ok(Connection::new(self.clone(), Slot::new(object, workspace, member), turn))
    }

    async fn pick(&self, workspace: WorkspaceId) -> Picked {
        let mut coming = match self.0.picker.pick(workspace) {
            Ok(picked) => return picked,
            Err(coming) => coming,
        };
        if let Ok(Ok(slot)) = tokio::time::timeout(PATIENCE, &mut coming).await {
            return Picked::Idle(slot);
        }
        // One may have come at the last moment; after `close` none can.
        coming.close();
        coming.try_recv().map(Picked::Idle).unwrap_or_else(|_| self.0.picker.pick_now(workspace))
    }
}

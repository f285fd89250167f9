//! A transaction in one workspace's schema: the only way to its tables.
//!
//! `BEGIN`, the local role and the local search path travel in the same flush as the first statement, `COMMIT` in the same
//! flush as the last. Postgres answers each message on its own, so every answer is checked, the first failure counts, and a
//! `COMMIT` that reports success after a failure is not believed. Around the `COMMIT` of a transaction that wrote, whoever
//! listens is told of what kinds it wrote ([`crate::commits`]).

mod statements;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use domain::kinds::Kinds;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, SimpleQueryMessage};
use tracing::Span;
use wire::Time;

use super::connection::Connection;
use super::lanes::Lane;
use super::news::News;
use super::outcome::{cell, was_committed};
use super::span;
use super::typed::Pooler;
use crate::commits::Space;
use crate::sql::Sql;
use crate::{Error, Result, Scope, Visible};
use statements::Text;

/// A bound parameter.
pub type Param<'a> = &'a (dyn ToSql + Sync);

/// A type that is read from a row by position (declare it with `row!`).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a row",
    note = "declare its columns with `row!`"
)]
pub trait FromRow: Sized {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error>;
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Mode {
    /// Reads: each statement is a transaction of its own.
    EachStatement,
    /// Writes: all statements are one transaction.
    Whole,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Last {
    No,
    Yes,
}

/// See the module. Dropped before its end, it is rolled back.
pub struct Tx<'s> {
    connection: Connection,
    scope: &'s Scope,
    lane: Lane,
    mode: Mode,
    /// The server's number of this transaction, known once its first statement was answered.
    xid: Option<String>,
    /// When it began by the server's clock, known as its number is.
    now: Option<Time>,
    begun: Instant,
    /// What its statements wrote.
    written: Kinds,
    /// What its maker said it would write.
    announced: Kinds,
    /// What is to be told once it is committed.
    pub(super) news: News,
    /// When a service must look at what it wrote.
    due: Option<Time>,
    /// Bytes of rows that one statement may give.
    most: usize,
    /// Whether a statement may have a second core.
    parallel: bool,
    /// From asking for the connection to giving it back.
    span: Span,
}

/// What a transaction asks of itself as it begins: its number, and its time in microseconds since 1970.
const XID_AND_TIME: &str = ";SELECT pg_catalog.pg_current_xact_id(), \
    (extract(epoch from pg_catalog.now()) * 1000000)::pg_catalog.int8";

impl<'s> Tx<'s> {
    pub(super) fn new(connection: Connection, scope: &'s Scope, lane: Lane, mode: Mode, span: Span) -> Self {
        Self {
            connection,
            scope,
            lane,
            mode,
            xid: None,
            now: None,
            begun: Instant::now(),
            written: Kinds::NONE,
            announced: Kinds::ALL,
            news: News::default(),
            due: None,
            most: usize::MAX,
            parallel: false,
            span,
        }
    }

    pub fn scope(&self) -> &'s Scope {
        self.scope
    }

    pub fn visible(&self) -> Visible {
        self.scope.visible()
    }

    /// Holds the transaction to what the table of operations says of it. Nothing depends on that but the table's truth, so
    /// a lie is an error in debug builds, and release builds do not ask.
    pub fn announcing(mut self, kinds: Kinds) -> Self {
        self.announced = kinds;
        self
    }

    /// Holds what one statement reads to so many bytes of rows; more is [`Error::TooMuch`]. For reads, of which nothing has
    /// to be undone.
    pub fn reading_at_most(mut self, bytes: usize) -> Self {
        self.most = bytes;
        self
    }

    /// Says that what this writes falls due at a time: services look at the workspace then ([`crate::ticks`]). Costs
    /// nothing where something as early is known. Too early does no harm.
    pub fn falls_due(&mut self, at: Option<Time>) {
        self.due = self.due.into_iter().chain(at).min();
    }

    /// All rows of a statement.
    pub async fn all<T: FromRow>(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<T>> {
        read(&self.query(Text::Fixed(sql), params, Last::No).await?)
    }

    /// The first row of a statement, if it has one.
    pub async fn opt<T: FromRow>(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<Option<T>> {
        first(&self.query(Text::Fixed(sql), params, Last::No).await?)
    }

    /// The one row that a statement always has.
    pub async fn one<T: FromRow>(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<T> {
        self.opt(sql, params).await?.ok_or_else(|| Error::internal("a statement that always has a row had none"))
    }

    /// Runs a statement for its effect; how many rows it touched.
    pub async fn run(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<u64> {
        self.execute(Text::Fixed(sql), params, Last::No).await
    }

    /// Like [`Tx::all`], for text built at run time.
    pub async fn all_of<T: FromRow>(&mut self, sql: &Sql<'_>) -> Result<Vec<T>> {
        read(&self.query(Text::Shape(sql.text()), &sql.params(), Last::No).await?)
    }

    /// Like [`Tx::one`], for text built at run time.
    pub async fn one_of<T: FromRow>(&mut self, sql: &Sql<'_>) -> Result<T> {
        let row = first(&self.query(Text::Shape(sql.text()), &sql.params(), Last::No).await?)?;
        row.ok_or_else(|| Error::internal("a statement that always has a row had none"))
    }

    /// The one number that a statement counts; see [`Tx::counted_of`].
    pub async fn count_of(&mut self, sql: Sql<'_>) -> Result<i64> {
        let counted: Vec<(i64,)> = self.counted_of(sql).await?;
        counted.first().map(|(count,)| *count).ok_or_else(|| Error::internal("a count had no row"))
    }

    /// What a statement counts that goes through all it finds: it has a second core if no other request needs one. Lists
    /// that end at their limit have one always, for with two Postgres takes plans that find everything first.
    pub async fn counted_of<T: FromRow>(&mut self, mut sql: Sql<'_>) -> Result<Vec<T>> {
        self.parallel = self.scope.pool().is_quiet();
        if self.parallel {
            // A text of its own, for a plan is kept with the text.
            sql.push(" /* on two cores */");
        }
        let counted = self.all_of(&sql).await;
        self.parallel = false;
        counted
    }

    /// Runs text built at run time for its effect.
    pub async fn run_of(&mut self, sql: &Sql<'_>) -> Result<u64> {
        self.execute(Text::Shape(sql.text()), &sql.params(), Last::No).await
    }

    /// The last statement and `COMMIT`, in one flush.
    pub async fn last_opt<T: FromRow>(mut self, sql: &'static str, params: &[Param<'_>]) -> Result<Option<T>> {
        if self.news.tells() {
            let row = self.opt(sql, params).await?;
            return self.commit().await.map(|()| row);
        }
        first(&self.query(Text::Fixed(sql), params, Last::Yes).await?)
    }

    /// The last statement, which always has a row, and `COMMIT`, in one flush.
    pub async fn last_one<T: FromRow>(self, sql: &'static str, params: &[Param<'_>]) -> Result<T> {
        let row = self.last_opt(sql, params).await?;
        row.ok_or_else(|| Error::internal("a statement that always has a row had none"))
    }

    /// The last statement, with all its rows, and `COMMIT`, in one flush.
    pub async fn last_all<T: FromRow>(mut self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<T>> {
        if self.news.tells() {
            let rows = self.all(sql, params).await?;
            return self.commit().await.map(|()| rows);
        }
        read(&self.query(Text::Fixed(sql), params, Last::Yes).await?)
    }

    /// The last statement, for its effect, and `COMMIT`, in one flush; how many rows it touched.
    pub async fn last_run(mut self, sql: &'static str, params: &[Param<'_>]) -> Result<u64> {
        if self.news.tells() {
            let touched = self.run(sql, params).await?;
            return self.commit().await.map(|()| touched);
        }
        self.execute(Text::Fixed(sql), params, Last::Yes).await
    }

    /// Ends the transaction. Nothing was written before this answered `Ok`.
    pub async fn commit(mut self) -> Result<()> {
        if let Some((tellings, ending)) = self.news.take_told() {
            return ending(self, tellings).await;
        }
        if !self.connection.open {
            self.spread();
            return Ok(());
        }
        let heard = self.before_commit().await?;
        let client = self.connection.client();
        let committed = async { Ok::<_, Error>(client.batch_execute("COMMIT").await) };
        let ended = match self.connection.pulse().or_away(committed).await {
            Ok(committed) => self.ended(committed).await,
            Err(away) => Err(away),
        };
        self.after_commit(heard).await;
        if ended.is_ok() {
            self.spread();
        }
        ended
    }

    /// Ends the transaction without effect; also what dropping it does, later.
    pub async fn rollback(mut self) -> Result<()> {
        if self.connection.open {
            self.connection.pulse().or_away(self.connection.client().batch_execute("ROLLBACK")).await?;
            self.connection.open = false;
        }
        Ok(())
    }

    /// Text that begins the transaction: role and search path hold until its end and not a statement longer.
    fn begin(&self) -> String {
        let settings = self.scope.pool().settings();
        let timeouts = settings.timeouts;
        let timeout: Duration = match self.lane {
            Lane::Hot => timeouts.hot,
            Lane::Read => timeouts.read,
            Lane::Heavy => timeouts.heavy,
            Lane::Ingest => timeouts.ingest,
        };
        let schema = self.scope.schema().as_str();
        let access = if self.mode == Mode::EachStatement { " READ ONLY" } else { "" };
        let role = if settings.tenant_roles { format!("SET LOCAL ROLE {schema};") } else { String::new() };
        let xid = if self.mode == Mode::Whole { XID_AND_TIME } else { "" };
        // The statements of writes, and reads by key, have the same plan whatever they are given, but Postgres takes the
        // plan for given values to be cheaper and makes it anew each time, which costs as much as carrying it out. Lists do
        // depend on values: left to itself Postgres goes over to one plan for all after five times, and where it takes few
        // runs to be running, and runs to be in any state, for the same, that plan took a second and a half instead of one
        // millisecond.
        let plans = match self.lane {
            Lane::Hot | Lane::Read | Lane::Ingest => "force_generic_plan",
            Lane::Heavy => "force_custom_plan",
        };
        let mut more = String::new();
        if settings.pooler != Pooler::None || timeout != timeouts.hot {
            let _ = write!(more, ";SET LOCAL statement_timeout TO {}", timeout.as_millis());
        }
        if settings.pooler != Pooler::None {
            let idle = settings.idle_transaction.as_millis();
            let _ = write!(more, ";SET LOCAL idle_in_transaction_session_timeout TO {idle};SET LOCAL jit TO off");
        }
        if settings.pooler != Pooler::None || self.lane == Lane::Heavy {
            let _ = write!(more, ";SET LOCAL plan_cache_mode TO {plans}");
        }
        if self.parallel {
            more.push_str(";SET LOCAL max_parallel_workers_per_gather TO 1");
        }
        format!("BEGIN{access};{role}SET LOCAL search_path TO {schema}{more}{xid}")
    }

    /// Tells of the `COMMIT` that is about to be sent; which kinds somebody wants to hear of afterwards too.
    async fn before_commit(&self) -> Result<Kinds> {
        let commits = self.scope.pool().commits();
        let heard = commits.heard(self.written);
        if cfg!(debug_assertions) && !heard.without(self.announced).is_empty() {
            let hidden = heard.without(self.announced);
            return Err(Error::internal(format!("the operation touches {hidden:?}, which its entry does not say")));
        }
        if let Some(due) = self.due {
            self.scope.pool().hint(self.scope.workspace(), due).await;
        }
        commits.before(Space::Workspace(self.scope.workspace()), heard).await;
        Ok(heard)
    }

    /// When the transaction began, by the server's clock; begins it if nothing has.
    pub(crate) async fn now(&mut self) -> Result<Time> {
        if !self.connection.open {
            self.open().await?;
        }
        self.now.ok_or_else(|| Error::internal("a transaction that does not write was asked for its time"))
    }

    async fn open(&mut self) -> Result<()> {
        let begin = self.begin();
        self.connection.open = true;
        let begun = self.connection.pulse().or_away(self.connection.client().simple_query(&begin)).await?;
        self.known_by(&begun);
        Ok(())
    }

    fn known_by(&mut self, begun: &[SimpleQueryMessage]) {
        let micros = cell(begun, 1).and_then(|text| text.parse().ok());
        (self.xid, self.now) = (cell(begun, 0), micros.map(Time::from_micros));
    }

    async fn after_commit(&self, heard: Kinds) {
        self.scope.pool().commits().after(Space::Workspace(self.scope.workspace()), heard).await;
    }

    async fn flush<T>(
        &mut self,
        last: Last,
        work: impl AsyncFnOnce(&tokio_postgres::Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T> {
        let heard = if last == Last::Yes { self.before_commit().await? } else { Kinds::NONE };
        let done = self.send(last, work).await;
        if done.is_err() {
            span::failed(&self.span);
        }
        self.after_commit(heard).await;
        if last == Last::Yes && done.is_ok() {
            self.spread();
        }
        done
    }

    /// Sends `BEGIN` (if not begun), the work and `COMMIT` (if it is the last) as one flush and checks every answer.
    async fn send<T>(
        &mut self,
        last: Last,
        work: impl AsyncFnOnce(&tokio_postgres::Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T> {
        let begin = (!self.connection.open).then(|| self.begin());
        let ends = last == Last::Yes || self.mode == Mode::EachStatement;
        self.connection.open = true;
        // Joined futures are polled in order, and each hands its message to the connection at its first poll: the order of
        // messages is the order written here.
        let client = self.connection.client();
        let answers = async {
            Ok::<_, Error>(tokio::join!(
                async {
                    match &begin {
                        Some(begin) => client.simple_query(begin).await.map(Some),
                        None => Ok(None),
                    }
                },
                work(client),
                async {
                    match ends {
                        true => client.batch_execute("COMMIT").await,
                        false => Ok(()),
                    }
                },
            ))
        };
        let (begun, done, committed) = self.connection.pulse().or_away(answers).await?;
        if let Some(begun) = begun? {
            self.known_by(&begun);
        }
        let done = match done {
            Ok(done) => done,
            Err(error) => {
                // The COMMIT behind a failed statement has rolled back.
                self.connection.open = !(ends && committed.is_ok());
                return Err(error.into());
            }
        };
        if ends {
            self.ended(committed).await?;
        }
        Ok(done)
    }

    /// Takes the answer to `COMMIT`. If the connection broke before it came, the server is asked whether the transaction
    /// was committed, so that the client does not repeat what already took effect.
    async fn ended(&mut self, committed: Result<(), tokio_postgres::Error>) -> Result<()> {
        let error = match committed {
            Ok(()) => {
                self.connection.open = false;
                return Ok(());
            }
            Err(error) => error,
        };
        // A pooler outlives the connection that it lost, and says so (class 08).
        let lost = error.as_db_error().is_none_or(|db| db.code().code().starts_with("08"));
        match (&self.xid, lost) {
            (Some(xid), true) => {
                match self.connection.pulse().or_away(was_committed(self.scope, xid, self.begun)).await {
                    Ok(true) => Ok(()),
                    Ok(false) => Err(Error::Unavailable("the connection was lost before the commit".into())),
                    Err(_) => Err(Error::Unavailable("the connection was lost at the commit".into())),
                }
            }
            _ => Err(error.into()),
        }
    }
}

fn read<T: FromRow>(rows: &[Row]) -> Result<Vec<T>> {
    Ok(rows.iter().map(T::from_row).collect::<Result<_, _>>()?)
}

fn first<T: FromRow>(rows: &[Row]) -> Result<Option<T>> {
    Ok(rows.first().map(T::from_row).transpose()?)
}

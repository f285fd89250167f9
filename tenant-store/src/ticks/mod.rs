//! When services must look at which workspace: the hints of one database (`cell.tick`).
//!
//! The data is the queue. What is due stands in the workspaces' own tables; a row here says when to look there next. It is
//! written on a connection of its own, before the transaction commits that makes something fall due, and only when that is
//! earlier than what this replica knows to stand there.
//!
//! What may go wrong, and what makes up for it:
//! * A look comes after the hint and before the commit: what a hint brought about is looked at once more after [`SETTLE`],
//!   longer than a transaction may take and than a replica trusts what it knows ([`known`]).
//! * A replica dies while it looks: its claim ends after [`LEASE`], and another claims the workspace.
//! * A hint is lost (it could not be written, the database crashed in the second after it): that it may be is known
//!   ([`Pool::doubts`]), and then every workspace is looked at soon. If it is not, when the sweep says so, whatever its row
//!   says.
//!
//! Statements travel as one message with their `BEGIN`, without parameters, so they work behind a pooler of transactions.
//! They hold ids and times, no text of anybody.

mod known;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use domain::WorkspaceId;
use tokio_postgres::SimpleQueryMessage;
use uuid::Uuid;
use wire::Time;

use crate::pool::Pool;
use crate::{Error, Result};
use known::Known;

/// How long a claim holds without being renewed.
pub const LEASE: Duration = Duration::from_secs(10);
/// How soon what a hint brought about is looked at once more: longer than [`known::TRUST`] and a statement of a state
/// change together.
pub const SETTLE: Duration = Duration::from_secs(20);
/// The earliest that a hint is taken up, so that what it speaks of is committed by then as a rule.
const HEADWAY_MS: u32 = 300;
/// How long writing a hint may hold up the transaction that it belongs to.
const HINT_WITHIN: Duration = Duration::from_secs(1);

/// How long a statement here may take: the other end of its connection may be gone without a word.
const TICK_WITHIN: Duration = Duration::from_secs(5);

/// Those that are due and that nobody holds. The time is the transaction's, which began with this statement: a clock that
/// ticks would be asked of each row, and no index.
const DUE: &str = "FROM cell.tick w WHERE least(w.due, w.hinted) <= now() AND w.claimed_until <= now()";
const EARLIEST: &str = "ORDER BY least(w.due, w.hinted)";

/// What a replica knows of a database's hints.
#[derive(Default)]
pub(crate) struct Ticks {
    known: Mutex<Known>,
    /// Hints that could not be written.
    unwritten: AtomicU64,
}

/// The right to look at a workspace, until the lease ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    pub workspace: WorkspaceId,
    /// When it fell due.
    pub due: Time,
    /// The database's clock when it was claimed.
    pub now: Time,
    by: Uuid,
}

/// What a look around found.
#[derive(Debug, Default)]
pub struct Claimed {
    pub claims: Vec<Claim>,
    /// How long the earliest of those that nobody has claimed is due.
    pub overdue: Duration,
}

impl Pool {
    /// Says that something falls due in a workspace, before that is committed. Not being able to say so is no error of the
    /// transaction: the sweep makes up for it.
    pub(crate) async fn hint(&self, workspace: WorkspaceId, due: Time) {
        let known = &self.ticks().known;
        if !known.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).is_news(workspace, due, Instant::now()) {
            return;
        }
        let sql = format!(
            "INSERT INTO cell.tick AS t (workspace_id, hinted) VALUES ('{workspace}', {}) \
             ON CONFLICT (workspace_id) DO UPDATE SET hinted = excluded.hinted WHERE t.hinted > excluded.hinted",
            later_of(due)
        );
        let written = tokio::time::timeout(HINT_WITHIN, self.tick(&sql)).await;
        let failed = match written {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("not within {HINT_WITHIN:?}"),
        };
        known.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).forget(workspace);
        self.ticks().unwritten.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(%workspace, error = failed, "a hint was not written: what is due is found later");
    }

    /// Grows whenever a hint may have been lost: one was not written, or the database broke off.
    pub fn doubts(&self) -> u64 {
        self.ticks().unwritten.load(Ordering::Relaxed) + self.pulse().breaks()
    }

    /// A workspace that was just made has its row from now on, and is looked at soon: what becomes of the hints of its first
    /// runs does not matter then. Without it the sweep makes the row.
    pub(crate) async fn enter(&self, workspace: WorkspaceId) {
        let sql = format!(
            "INSERT INTO cell.tick (workspace_id, due) VALUES ('{workspace}', clock_timestamp() + interval '{} ms') \
             ON CONFLICT (workspace_id) DO NOTHING",
            SETTLE.as_millis(),
        );
        let failed = match tokio::time::timeout(HINT_WITHIN, self.tick(&sql)).await {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("not within {HINT_WITHIN:?}"),
        };
        tracing::warn!(%workspace, error = failed, "a new workspace is not looked at before the sweep");
    }

    /// Claims up to `limit` workspaces that are due and that nobody holds.
    pub async fn claim(&self, limit: usize) -> Result<Claimed> {
        // Mostly nothing is due, and then this is all that a replica asks.
        let overdue = micros(&format!("(SELECT least(w.due, w.hinted) {DUE} {EARLIEST} LIMIT 1)"));
        let looked = self.tick(&format!("SELECT {}, {overdue}", micros("clock_timestamp()"))).await?;
        let overdue = looked.first().map(Cells::overdue).transpose()?.flatten();
        if limit == 0 || overdue.is_none() {
            return Ok(Claimed { claims: Vec::new(), overdue: overdue.unwrap_or_default() });
        }
        let (by, lease) = (Uuid::new_v4(), LEASE.as_secs());
        let sql = format!(
            "WITH due AS (SELECT w.workspace_id, least(w.due, w.hinted) AS at, w.hinted <= now() AS hint \
                {DUE} {EARLIEST} LIMIT {limit} FOR UPDATE SKIP LOCKED), \
             taken AS (UPDATE cell.tick t SET claimed_by = '{by}', claimed_until = clock_timestamp() + interval '{lease} s', \
                due = clock_timestamp() + interval '{lease} s', unsettled = t.unsettled OR due.hint, \
                hinted = CASE WHEN due.hint THEN 'infinity' ELSE t.hinted END \
                FROM due WHERE t.workspace_id = due.workspace_id RETURNING t.workspace_id, due.at) \
             SELECT {}, {}, taken.workspace_id, {} FROM (SELECT 1) one LEFT JOIN taken ON true",
            micros("clock_timestamp()"),
            micros(&format!(
                "(SELECT least(w.due, w.hinted) {DUE} AND w.workspace_id NOT IN (SELECT taken.workspace_id FROM taken) \
                 {EARLIEST} LIMIT 1)"
            )),
            micros("taken.at"),
        );
        let rows = self.tick(&sql).await?;
        let mut claimed = Claimed::default();
        for row in rows {
            let now = row.time(0)?.ok_or_else(|| Error::internal("a clock without a time"))?;
            claimed.overdue = row.overdue()?.unwrap_or_default();
            if let (Some(workspace), Some(due)) = (row.id(2)?, row.time(3)?) {
                claimed.claims.push(Claim { workspace: WorkspaceId(workspace), due, now, by });
            }
        }
        Ok(claimed)
    }

    /// Holds a claim for another lease. Whether it still was held.
    pub async fn renew(&self, claim: &Claim) -> Result<bool> {
        let lease = LEASE.as_secs();
        let sql = format!(
            "UPDATE cell.tick SET claimed_until = clock_timestamp() + interval '{lease} s', due = clock_timestamp() + interval '{lease} s' \
             WHERE workspace_id = '{}' AND claimed_by = '{}' RETURNING 1",
            claim.workspace, claim.by
        );
        Ok(!self.tick(&sql).await?.is_empty())
    }

    /// Gives a claim back and says when to look again; at the latest after `sweep`, and not before `pause`. Whoever lost
    /// the claim says nothing: the next holder will.
    pub async fn release(&self, claim: &Claim, next: Option<Time>, pause: Duration, sweep: Duration) -> Result<()> {
        let next = next.map_or_else(|| "'infinity'::timestamptz".to_owned(), literal);
        let sql = format!(
            "UPDATE cell.tick SET claimed_by = NULL, claimed_until = '-infinity', unsettled = false, \
             due = greatest(clock_timestamp() + interval '{pause} ms', least({next}, clock_timestamp() + interval '{sweep} ms', \
                CASE WHEN unsettled THEN clock_timestamp() + interval '{settle} ms' ELSE 'infinity' END)) \
             WHERE workspace_id = '{workspace}' AND claimed_by = '{by}'",
            pause = pause.as_millis(),
            sweep = sweep.as_millis(),
            settle = SETTLE.as_millis(),
            workspace = claim.workspace,
            by = claim.by,
        );
        self.tick(&sql).await.map(drop)
    }

    /// Forgets a workspace that is no longer here.
    pub async fn forget(&self, workspace: WorkspaceId) -> Result<()> {
        self.tick(&format!("DELETE FROM cell.tick WHERE workspace_id = '{workspace}'")).await.map(drop)
    }

    /// Makes sure that every one of these workspaces is looked at within a time, spread over it, as if all hints had been
    /// lost. New ones are looked at soon, spread over the time of `spread`.
    pub async fn adopt(&self, workspaces: &[WorkspaceId], spread: Duration, within: Duration) -> Result<()> {
        for some in workspaces.chunks(500) {
            let mut ids = String::new();
            for id in some {
                let _ = write!(ids, "{}'{id}'", if ids.is_empty() { "" } else { "," });
            }
            let sql = format!(
                "INSERT INTO cell.tick (workspace_id, due) \
                    SELECT id, clock_timestamp() + random() * interval '{} ms' FROM unnest(ARRAY[{ids}]::uuid[]) id \
                    ON CONFLICT (workspace_id) DO UPDATE SET due = clock_timestamp() + random() * interval '{within} ms' \
                    WHERE tick.due > clock_timestamp() + interval '{within} ms'",
                spread.as_millis(),
                within = within.as_millis(),
            );
            self.tick(&sql).await?;
        }
        Ok(())
    }

    /// One statement, whose loss in a crash of the database the sweep makes up for: nobody waits for the disk.
    async fn tick(&self, sql: &str) -> Result<Vec<Cells>> {
        let asked = async {
            let mut used = Used(Some(self.pulse().open().await?));
            let Some(object) = &used.0 else {
                return Err(Error::internal("a connection that was just opened is gone"));
            };
            let text = format!("BEGIN;SET LOCAL synchronous_commit TO off;{sql};COMMIT");
            let answer = object.simple_query(&text).await;
            if answer.is_ok() || object.simple_query("ROLLBACK").await.is_ok() {
                drop(used.0.take());
            }
            answer.map_err(Error::from)
        };
        let asked = tokio::time::timeout(TICK_WITHIN, self.pulse().or_away(asked));
        let messages = asked.await.map_err(|_| Error::Unavailable(format!("no answer within {TICK_WITHIN:?}")))??;
        Ok(messages.into_iter().filter_map(Cells::of).collect())
    }
}

/// A connection in use. One on which an answer is still awaited when it is dropped is closed: the next to take it would
/// wait behind that.
struct Used(Option<deadpool_postgres::Object>);

impl Drop for Used {
    fn drop(&mut self) {
        drop(self.0.take().map(deadpool_postgres::Object::take));
    }
}

/// The text cells of a row.
struct Cells(tokio_postgres::SimpleQueryRow);

impl Cells {
    fn of(message: SimpleQueryMessage) -> Option<Self> {
        match message {
            SimpleQueryMessage::Row(row) => Some(Self(row)),
            _ => None,
        }
    }

    fn time(&self, at: usize) -> Result<Option<Time>> {
        let micros = self.0.get(at).map(str::parse).transpose();
        Ok(micros.map_err(Error::internal)?.map(Time::from_micros))
    }

    /// For how long the second cell is due by the clock of the first.
    fn overdue(&self) -> Result<Option<Duration>> {
        let (now, due) = (self.time(0)?, self.time(1)?);
        Ok(now.zip(due).map(|(now, due)| Duration::try_from_secs_f64(now.seconds_since(due)).unwrap_or_default()))
    }

    fn id(&self, at: usize) -> Result<Option<Uuid>> {
        self.0.get(at).map(str::parse).transpose().map_err(Error::internal)
    }
}

fn micros(time: &str) -> String {
    format!("(extract(epoch FROM {time}) * 1000000)::bigint")
}

fn literal(time: Time) -> String {
    // Digits, and nothing of anybody's.
    format!("'{time}'::timestamptz")
}

fn later_of(due: Time) -> String {
    format!("greatest({}, clock_timestamp() + interval '{HEADWAY_MS} ms')", literal(due))
}

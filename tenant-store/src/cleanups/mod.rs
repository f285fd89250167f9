//! Clean-ups of infrastructure: put down with the state that makes one necessary, reserved by workers of the pool one at a
//! time, and gone when one of them has done it ([`domain::cleanups`] has the rules). Clocks are the database's.

use std::time::Duration;

use domain::cleanups::{Became, CleanupKind, DELIVERED_TOO_OFTEN, Operation, Reservation, Standing, judge};
use domain::{WorkPoolId, WorkQueueId};
use tokio_postgres::Row;
use uuid::Uuid;
use wire::Time;

use crate::pool::FromRow;
use crate::{Result, Tx, retention};

/// How long a reservation lasts, and how often one is delivered before it is given up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    pub lease: Duration,
    pub deliveries: i32,
}

/// A worker that takes clean-ups.
#[derive(Debug, Clone, PartialEq)]
pub struct Taker {
    pub pool: WorkPoolId,
    /// The worker's process, on whichever replica it is connected.
    pub consumer: Uuid,
    pub kinds: Vec<CleanupKind>,
    /// Its own queues: those of others it takes when nobody else did for [`OWN_FIRST`].
    pub queues: Vec<WorkQueueId>,
    /// How many it has in hand at most.
    pub most: i64,
}

/// How long a clean-up is kept for workers of its queue.
pub const OWN_FIRST: Duration = Duration::from_secs(2);

const RESERVE: &str = "with next as (select c.id from cleanup c where c.work_pool_id = $1 and c.dead_at is null \
        and c.kind = any($2) and c.deliveries < $3 \
        and (c.lease_expires_at is null or c.lease_expires_at <= clock_timestamp()) \
        and (c.work_queue_id = any($4) or coalesce(c.lease_expires_at, c.updated) <= clock_timestamp() - make_interval(secs => $5)) \
        and (select count(*) from cleanup h where h.work_pool_id = $1 and h.dead_at is null and h.consumer_id = $6 \
            and h.lease_expires_at > clock_timestamp()) < $7 \
        order by (c.work_queue_id = any($4)) desc nulls last, c.created limit 1 for update of c skip locked) \
    update cleanup c set deliveries = c.deliveries + 1, token = $8, consumer_id = $6, updated = clock_timestamp(), \
        lease_expires_at = clock_timestamp() + make_interval(secs => $9) from next where c.id = next.id \
    returning c.id, c.kind, c.token, c.lease_expires_at, c.deliveries, c.work_queue_id, c.target";
const STANDING: &str = "select c.work_pool_id, c.token, c.lease_expires_at, c.deliveries, clock_timestamp() from cleanup c \
    where c.id = $1 and c.dead_at is null for update";
const DONE: &str = "delete from cleanup where id = $1";
const FREE: &str = "update cleanup set token = null, consumer_id = null, lease_expires_at = null, updated = clock_timestamp() \
    where id = $1";
const DEAD: &str = "update cleanup set token = null, consumer_id = null, lease_expires_at = null, updated = clock_timestamp(), \
    dead_at = clock_timestamp(), dead_because = $2 where id = $1";
const RENEW: &str = "update cleanup set lease_expires_at = clock_timestamp() + make_interval(secs => $2), updated = clock_timestamp() \
    where id = $1 returning lease_expires_at";
const EXPIRE: &str = "with ended as (select c.id from cleanup c where c.lease_expires_at <= clock_timestamp() \
        order by c.lease_expires_at limit $1 for update skip locked) \
    update cleanup c set token = null, consumer_id = null, lease_expires_at = null, updated = clock_timestamp(), \
        dead_at = case when c.deliveries >= $2 then clock_timestamp() end, dead_because = case when c.deliveries >= $2 then $3 end \
    from ended where c.id = ended.id returning c.id, c.work_pool_id, c.dead_at is not null";
const NEXT_EXPIRY: &str = "select min(lease_expires_at) from cleanup";
const FORGET: &str = "delete from cleanup where id = any(array(select c.id from cleanup c where c.created < $1 order by c.created limit $2))";

impl FromRow for Reservation {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            message_id: row.try_get(0)?,
            // What is stored was asked for by its kind.
            kind: CleanupKind::of_number(row.try_get(1)?).unwrap_or(CleanupKind::CancellingTimeout),
            token: row.try_get(2)?,
            lease_expires_at: row.try_get(3)?,
            deliveries: row.try_get(4)?,
            work_queue_id: row.try_get(5)?,
            target: row.try_get(6)?,
        })
    }
}

/// How one stands, locked, and the time.
struct Locked {
    standing: Standing,
    now: Time,
}

impl FromRow for Locked {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let standing = Standing {
            work_pool_id: row.try_get(0)?,
            token: row.try_get(1)?,
            lease_expires_at: row.try_get(2)?,
            deliveries: row.try_get(3)?,
        };
        Ok(Self { standing, now: row.try_get(4)? })
    }
}

/// Whoever delivers the clean-ups of a pool.
pub fn topic(pool: WorkPoolId) -> String {
    format!("cleanups-of-pool:{pool}")
}

/// Reserves the next clean-up for a worker that has room for it. Its queues come first, and of these the oldest.
pub async fn reserve(mut tx: Tx<'_>, taker: &Taker, policy: Policy) -> Result<Option<Reservation>> {
    let Taker { pool, consumer, kinds, queues, most } = taker;
    let kinds: Vec<i16> = kinds.iter().map(|kind| kind.number()).collect();
    // Not to be guessed.
    let token = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let (own_first, lease) = (OWN_FIRST.as_secs_f64(), policy.lease.as_secs_f64());
    let reserved: Option<Reservation> = tx
        .opt(RESERVE, &[pool, &kinds, &policy.deliveries, queues, &own_first, consumer, most, &token, &lease])
        .await?;
    tx.falls_due(reserved.as_ref().map(|reserved| reserved.lease_expires_at));
    tx.commit().await?;
    Ok(reserved)
}

/// Does what a worker says of a clean-up; what became of it, and until when a renewed one is reserved.
pub async fn operate(
    mut tx: Tx<'_>,
    pool: WorkPoolId,
    id: Uuid,
    token: &str,
    operation: Operation,
    reason: Option<&str>,
    policy: Policy,
) -> Result<(Became, Option<Time>)> {
    let found: Option<Locked> = tx.opt(STANDING, &[&id]).await?;
    let now = found.as_ref().map(|found| found.now).unwrap_or_default();
    let standing = found.map(|found| found.standing);
    let became = judge(standing.as_ref(), pool, token, operation, now, policy.deliveries);
    match became {
        Became::Done => drop(tx.last_run(DONE, &[&id]).await?),
        Became::Free | Became::Expired => {
            tx.wake(topic(pool));
            tx.last_run(FREE, &[&id]).await?;
        }
        Became::Renewed => {
            let until: Option<(Time,)> = tx.opt(RENEW, &[&id, &policy.lease.as_secs_f64()]).await?;
            let until = until.map(|(until,)| until);
            tx.falls_due(until);
            tx.commit().await?;
            return Ok((became, until));
        }
        Became::Dead => {
            let because = reason.map_or(DELIVERED_TOO_OFTEN.to_owned(), |why| format!("{DELIVERED_TOO_OFTEN}: {why}"));
            tx.last_run(DEAD, &[&id, &because]).await?;
        }
        _ => tx.rollback().await?,
    }
    Ok((became, None))
}

/// What a step of [`expire`] did.
#[derive(Debug, Default, PartialEq)]
pub struct Expired {
    /// To be delivered again.
    pub free: usize,
    /// Given up.
    pub dead: Vec<Uuid>,
}

/// Ends reservations whose lease ran out.
pub async fn expire(mut tx: Tx<'_>, policy: Policy, limit: i64) -> Result<Expired> {
    let rows: Vec<(Uuid, WorkPoolId, bool)> =
        tx.all(EXPIRE, &[&limit, &policy.deliveries, &DELIVERED_TOO_OFTEN]).await?;
    let mut expired = Expired::default();
    for (id, pool, dead) in rows {
        match dead {
            true => expired.dead.push(id),
            false => {
                expired.free += 1;
                tx.wake(topic(pool));
            }
        }
    }
    tx.commit().await?;
    Ok(expired)
}

pub async fn next_expiry(tx: &mut Tx<'_>) -> Result<Option<Time>> {
    Ok(tx.one::<(Option<Time>,)>(NEXT_EXPIRY, &[]).await?.0)
}

/// Forgets those of before a time, delivered or given up: what they spoke of is long gone.
pub async fn forget(tx: Tx<'_>, before: Time) -> Result<u64> {
    tx.last_run(FORGET, &[&before, &retention::STEP]).await
}

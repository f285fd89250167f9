//! Taking slots of several limits, all or none, and giving back what no lease holds.

use std::time::Duration;

use domain::concurrency_limits::{ConcurrencyLeaseHolder, MinimalConcurrencyLimitResponse, Mode, Refusing};
use domain::rules::decision::HELD_FOREVER;
use domain::settings::Settings;
use domain::{LeaseId, LimitId};
use tokio_postgres::Row;
use uuid::Uuid;
use wire::Time;

use super::{in_use, leases};
use crate::pool::FromRow;
use crate::{Result, Tx, row};

/// The limits are locked in the order of their ids before the clock is read, so that what decayed is counted once. They are
/// found by name (`$1`); `$2` slots of each that is active are taken. `$3` is how ([`Taking`]); `$4` and `$5` bound the time
/// by which the denials of a tag's limit, or of another, decay. `$6` is the lease, if there is to be one, `$7` and `$8` its
/// holder, `$9` its seconds.
///
/// A limit with fewer slots than are asked for can never grant them; so much for outcome 1. Denials are counted, except for
/// tags: nobody reads theirs there.
const TAKE: &str = concat!(
    "with l as materialized (select l.id, l.name, l.\"limit\", l.active, l.active_slots, l.denied_slots, l.denied_at, \
         l.slot_decay_per_second, l.avg_slot_occupancy_seconds, l.updated \
         from concurrency_limit l where l.name = any($1) order by l.id for update), \
     n as materialized (select clock_timestamp() as now from (select count(*) from l) locked), \
     s as materialized (select l.id, l.name, l.\"limit\", l.active, l.slot_decay_per_second, l.avg_slot_occupancy_seconds, n.now, ",
    in_use!("n.now"),
    " as used, greatest(0, l.denied_slots - greatest(0, date_part('epoch', n.now - l.denied_at)) \
           * case when l.slot_decay_per_second > 0 then l.slot_decay_per_second else 1 / greatest(0.1, least( \
             l.avg_slot_occupancy_seconds, case when starts_with(l.name, 'tag:') then $4::float8 else $5::float8 end)) end) as denied \
         from n, l), \
     o as materialized (select case \
         when coalesce(bool_or((s.active or $3 = 2::smallint) and s.\"limit\" < $2), false) then 1 \
         when coalesce(bool_or($3 = 1::smallint and s.active and s.slot_decay_per_second = 0), false) then 2 \
         when coalesce(bool_or(s.active and s.used + $2::bigint > s.\"limit\"), false) then 3 else 0 end as outcome from s), \
     u as (update concurrency_limit c set updated = s.now, denied_at = s.now, \
         leased_slots = c.leased_slots + case when o.outcome = 0 and $6::uuid is not null then $2::bigint else 0 end, \
         active_slots = s.used + case when o.outcome = 0 then $2::bigint else 0 end, \
         denied_slots = s.denied + case when o.outcome = 0 then 0 else $2::bigint end \
         from s, o where c.id = s.id and s.active and (o.outcome = 0 or o.outcome = 3 and $3 <> 2::smallint)), \
     e as (insert into concurrency_lease (id, limit_ids, slots, holder_type, holder_id, created, expires_at) \
         select $6::uuid, array(select s.id from s where s.active order by s.id), $2, $7::smallint, $8::uuid, n.now, \
           n.now + make_interval(secs => $9::float8) from o, n where o.outcome = 0 and $6 is not null) \
     select o.outcome, s.id, s.name, s.\"limit\", s.active, s.denied, s.slot_decay_per_second, s.avg_slot_occupancy_seconds \
       from o left join s on true order by s.name"
);

/// `$2` slots of each limit that is active are given back. `$3` is how long they were held, together, in seconds.
const GIVE_BACK: &str = concat!(
    "with held as materialized (select l.id, l.name, l.\"limit\" from concurrency_limit l where l.name = any($1) \
         order by l.id for update), \
     u as (update concurrency_limit l set updated = clock_timestamp(), active_slots = greatest(0, ",
    in_use!("clock_timestamp()"),
    " - $2::bigint), avg_slot_occupancy_seconds = case when $3::float8 is null or l.\"limit\" = 0 \
           then l.avg_slot_occupancy_seconds else l.avg_slot_occupancy_seconds + (greatest(0.1, $3::float8 / $2::bigint) \
           - l.avg_slot_occupancy_seconds) / (2.0::float8 * l.\"limit\") end from held h where l.id = h.id and l.active) \
     select h.id, h.name, h.\"limit\" from held h order by h.name"
);

row! { MinimalConcurrencyLimitResponse: id "h.id", name "h.name", limit "h.\"limit\"" }

/// How slots are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taking {
    In(Mode),
    /// By the first version of the API: a limit of 0 refuses even where it is not active, and denials are not counted.
    OfTags,
}

impl Taking {
    fn number(self) -> i16 {
        match self {
            Self::In(Mode::Concurrency) => 0,
            Self::In(Mode::RateLimit) => 1,
            Self::OfTags => 2,
        }
    }
}

/// A lease to be made with the slots.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NewLease {
    pub id: LeaseId,
    pub seconds: f64,
    pub holder: Option<ConcurrencyLeaseHolder>,
}

/// What became of an attempt to take slots. Names that no limit has ask for nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Taken {
    /// Of these, by name; the active ones gave slots.
    All(Vec<Found>),
    /// More than one of these limits has.
    TooMany(Vec<Found>),
    /// These do not decay, and are asked for as if they did.
    NotDecaying(Vec<String>),
    /// Not now.
    Full(Vec<Found>),
}

/// A limit as it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub limit: MinimalConcurrencyLimitResponse,
    pub active: bool,
    /// Before this attempt.
    pub denied_slots: f64,
    pub slot_decay_per_second: f64,
    pub avg_slot_occupancy_seconds: f64,
}

impl Found {
    pub fn refusing(self) -> Refusing {
        Refusing {
            name: self.limit.name,
            limit: self.limit.limit,
            denied_slots: self.denied_slots,
            slot_decay_per_second: self.slot_decay_per_second,
            avg_slot_occupancy_seconds: self.avg_slot_occupancy_seconds,
        }
    }
}

struct Line {
    outcome: i32,
    found: Option<Found>,
}

impl FromRow for Line {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let id: Option<LimitId> = row.try_get(1)?;
        let found = match id {
            Some(id) => Some(Found {
                limit: MinimalConcurrencyLimitResponse { id, name: row.try_get(2)?, limit: row.try_get(3)? },
                active: row.try_get(4)?,
                denied_slots: row.try_get(5)?,
                slot_decay_per_second: row.try_get(6)?,
                avg_slot_occupancy_seconds: row.try_get(7)?,
            }),
            None => None,
        };
        Ok(Self { outcome: row.try_get(0)?, found })
    }
}

/// Takes slots of every active limit of these names, and makes the lease that holds them; all or nothing.
pub async fn take(
    mut tx: Tx<'_>,
    names: &[String],
    slots: i64,
    taking: Taking,
    lease: Option<NewLease>,
    settings: &Settings,
) -> Result<Taken> {
    let (tag_wait, wait) = (settings.tag_slot_wait.as_secs_f64(), settings.slot_wait.as_secs_f64());
    let id = lease.map(|lease| lease.id);
    let holder = lease.and_then(|lease| lease.holder);
    let (kind, whose): (Option<i16>, Option<Uuid>) =
        (holder.map(|holder| leases::number(holder.r#type)), holder.map(|holder| holder.id));
    let seconds = lease.map(|lease| lease.seconds);
    let how = taking.number();
    let params: [crate::pool::Param<'_>; 9] = [&names, &slots, &how, &tag_wait, &wait, &id, &kind, &whose, &seconds];
    let ends = seconds.filter(|seconds| *seconds < HELD_FOREVER.as_secs_f64());
    tx.falls_due(ends.map(|seconds| Time::of_machine() + Duration::from_secs_f64(seconds)));
    // Denials are written too, so it commits whatever the outcome.
    let lines: Vec<Line> = tx.last_all(TAKE, &params).await?;
    let outcome = lines.first().map_or(0, |line| line.outcome);
    let found: Vec<Found> = lines.into_iter().filter_map(|line| line.found).collect();
    Ok(match outcome {
        0 => Taken::All(found),
        1 => Taken::TooMany(found),
        2 => Taken::NotDecaying(
            found
                .into_iter()
                .filter(|one| one.active && one.slot_decay_per_second == 0.0)
                .map(|one| one.limit.name)
                .collect(),
        ),
        _ => Taken::Full(found),
    })
}

/// Gives slots back that were taken without a lease, never below none; the limits of these names.
pub async fn give_back(
    tx: Tx<'_>,
    names: &[String],
    slots: i64,
    occupancy_seconds: Option<f64>,
) -> Result<Vec<MinimalConcurrencyLimitResponse>> {
    tx.last_all(GIVE_BACK, &[&names, &slots, &occupancy_seconds]).await
}

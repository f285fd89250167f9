//! Concurrency limits: all SQL of the resource. Limits by id and name stand here; how slots are taken and given back in
//! [`slots`], the leases that hold them in [`leases`], the limits of tags in [`tags`].
//!
//! A limit counts its slots, and a lease says who holds how many of which limits. A lease comes with its slots and goes with
//! them, in one statement; so slots are given back once, whoever ends the lease: its holder, the rules, or the pass that
//! reaps what ran out. Rows are locked in this order: leases, then limits by id.

pub(crate) mod facts;
pub mod leases;
pub mod slots;
pub mod tags;
#[cfg(test)]
mod tests;

use domain::concurrency_limits::{
    ConcurrencyLimitV2, ConcurrencyLimitV2Create, ConcurrencyLimitV2Update, GlobalConcurrencyLimitResponse,
};
use domain::events::lifecycle::Action;
use domain::events::lifecycle::limits::{self, Limit};
use domain::{DeploymentId, LimitId};
use uuid::Uuid;
use wire::Time;

use crate::{Result, Tx, row};

/// Slots of a limit `l` in use at a time, what decayed since taken off.
macro_rules! in_use {
    ($now:literal) => {
        concat!(
            "greatest(0, l.active_slots - l.slot_decay_per_second * greatest(0, date_part('epoch', ",
            $now,
            " - l.updated)))"
        )
    };
}
pub(crate) use in_use;

/// Carries out `delta (limit_id, slots, loose, stay)`: slots that leases take or give back, slots to give back that no lease
/// holds (as many as there are), and the seconds that a slot was held. The average stay is weighted over about twice as many
/// samples as the limit has slots, as in the reference.
macro_rules! settle {
    () => {
        concat!(
            "held as materialized (select l.id from concurrency_limit l where l.id in (select limit_id from delta) \
               order by l.id for update), \
             settled as (update concurrency_limit l set active_slots = greatest(least(l.leased_slots + d.slots, ",
            $crate::concurrency_limits::settled_use!(),
            "), ",
            $crate::concurrency_limits::settled_use!(),
            " - d.loose), leased_slots = greatest(0, l.leased_slots + d.slots), updated = clock_timestamp(), \
               avg_slot_occupancy_seconds = case when d.stays = 0 or l.\"limit\" = 0 \
                 then l.avg_slot_occupancy_seconds else l.avg_slot_occupancy_seconds + (d.stay - l.avg_slot_occupancy_seconds) \
                 * least(1, d.stays / (2.0::float8 * l.\"limit\")) end \
               from held h join (select limit_id, sum(slots)::bigint as slots, sum(loose)::bigint as loose, count(stay) as stays, \
                 avg(stay) as stay from delta group by limit_id) d on d.limit_id = h.id where l.id = h.id)"
        )
    };
}
pub(crate) use settle;

/// Slots in use once leases have taken theirs and given them back.
macro_rules! settled_use {
    () => {
        concat!("greatest(0, ", $crate::concurrency_limits::in_use!("clock_timestamp()"), " + d.slots)")
    };
}
pub(crate) use settled_use;

/// What it does to slots that leases `e` end.
macro_rules! of_ended {
    () => {
        "select unnest(e.limit_ids) as limit_id, -e.slots as slots, 0::bigint as loose, \
         greatest(0.1, date_part('epoch', clock_timestamp() - e.created) / greatest(e.slots, 1)) as stay from "
    };
}
pub(crate) use of_ended;

row! { GlobalConcurrencyLimitResponse: id "l.id", created "l.created", updated "l.updated", active "l.active", name "l.name",
limit "l.\"limit\"", active_slots "in_use", slot_decay_per_second "l.slot_decay_per_second" }

row! { ConcurrencyLimitV2: id "id", created "created", updated "updated", active "active", name "name", limit "\"limit\"",
active_slots "active_slots::bigint", denied_slots "denied_slots::bigint", slot_decay_per_second "slot_decay_per_second",
avg_slot_occupancy_seconds "avg_slot_occupancy_seconds" }

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select l.id, l.created, l.updated, l.active, l.name, l.\"limit\", ceil(",
            in_use!("clock_timestamp()"),
            ")::bigint, l.slot_decay_per_second from concurrency_limit l ",
            $rest
        )
    };
}

/// Slots that are not set anew are first counted as of now, so that a change of the decay does not change the past.
macro_rules! changes {
    ($which:literal) => {
        concat!(
            "update concurrency_limit l set active = case when $2 then $3 else l.active end, \
             name = case when $4 then $5 else l.name end, \"limit\" = case when $6 then $7 else l.\"limit\" end, \
             active_slots = case when $8 then $9::bigint else ",
            in_use!("clock_timestamp()"),
            " end, denied_slots = case when $10 then $11::bigint else l.denied_slots end, \
             denied_at = case when $10 then clock_timestamp() else l.denied_at end, \
             slot_decay_per_second = case when $12 then $13 else l.slot_decay_per_second end, updated = clock_timestamp() where ",
            $which
        )
    };
}

const CREATE: &str = "insert into concurrency_limit (id, name, \"limit\", active, active_slots, denied_slots, slot_decay_per_second) \
    values ($1, $2, $3, $4, $5::bigint, $6::bigint, $7) returning id, created, updated, active, name, \"limit\", \
    active_slots::bigint, denied_slots::bigint, slot_decay_per_second, avg_slot_occupancy_seconds";
const READ: &str = select!("where l.id = $1");
const BY_NAME: &str = select!("where l.name = $1");
const OF_IDS: &str = select!("where l.id = any($1)");
const LIST: &str = select!("order by l.name limit $1 offset $2");
const UPDATE: &str = changes!("l.id = $1 returning l.id");
const UPDATE_BY_NAME: &str = changes!("l.name = $1 returning l.id");
const DELETE: &str = "delete from concurrency_limit where id = $1";
const TOLD: &str = "select l.id, l.name, l.\"limit\", l.active, l.slot_decay_per_second from concurrency_limit l \
    where l.id = $1";
const FIND: &str = "select l.id from concurrency_limit l where l.name = $1";
const DELETE_BY_NAME: &str = "delete from concurrency_limit where name = $1";
/// `$3` slots of the limit `$2`, whose id is `$1` if it is new.
const SET: &str = "insert into concurrency_limit as l (id, name, \"limit\") values ($1, $2, $3) \
    on conflict (name) do update set \"limit\" = excluded.\"limit\" returning l.id";

/// Which limit is meant. A text that is an id means the limit of that id.
#[derive(Debug, Clone, PartialEq)]
pub enum Which {
    Id(LimitId),
    Name(String),
}

impl Which {
    pub fn of(text: String) -> Self {
        match Uuid::parse_str(&text) {
            Ok(id) => Self::Id(LimitId(id)),
            Err(_) => Self::Name(text),
        }
    }
}

row! { Limit: id "l.id", name "l.name", limit "l.\"limit\"", active "l.active",
slot_decay_per_second "l.slot_decay_per_second" }

/// Tells of a limit as it is now; whether there is such a limit.
async fn tell(tx: &mut Tx<'_>, action: Action, id: LimitId) -> Result<bool> {
    let limit: Option<Limit> = tx.opt(TOLD, &[&id]).await?;
    if let Some(limit) = &limit {
        tx.tell(limits::limit(action, limit));
    }
    Ok(limit.is_some())
}

/// A name that another one has is a conflict.
pub async fn create(mut tx: Tx<'_>, new: &ConcurrencyLimitV2Create) -> Result<ConcurrencyLimitV2> {
    let ConcurrencyLimitV2Create { active, name, limit, active_slots, denied_slots, slot_decay_per_second } = new;
    let id = LimitId::new(Time::of_machine());
    let params: [crate::pool::Param<'_>; 7] =
        [&id, name, limit, active, active_slots, denied_slots, slot_decay_per_second];
    let made = tx.one(CREATE, &params).await?;
    tell(&mut tx, Action::Created, id).await?;
    tx.commit().await?;
    Ok(made)
}

pub async fn read(tx: &mut Tx<'_>, which: &Which) -> Result<Option<GlobalConcurrencyLimitResponse>> {
    match which {
        Which::Id(id) => tx.opt(READ, &[id]).await,
        Which::Name(name) => tx.opt(BY_NAME, &[name]).await,
    }
}

/// By name.
/// The limits with these ids, in any order.
pub(crate) async fn of_ids(tx: &mut Tx<'_>, ids: &[LimitId]) -> Result<Vec<GlobalConcurrencyLimitResponse>> {
    match ids.is_empty() {
        true => Ok(Vec::new()),
        false => tx.all(OF_IDS, &[&ids]).await,
    }
}

pub async fn list(tx: &mut Tx<'_>, limit: i64, offset: i64) -> Result<Vec<GlobalConcurrencyLimitResponse>> {
    tx.all(LIST, &[&limit, &offset]).await
}

/// Whether there was such a limit. A name that another one has is a conflict, and so is a null that has no place.
pub async fn update(mut tx: Tx<'_>, which: &Which, change: &ConcurrencyLimitV2Update) -> Result<bool> {
    let ConcurrencyLimitV2Update { active, name, limit, active_slots, denied_slots, slot_decay_per_second } = change;
    let (new_active, new_name, new_limit) = (value(active), value(name), value(limit));
    let (new_slots, new_denied, new_decay) = (value(active_slots), value(denied_slots), value(slot_decay_per_second));
    let (text, key): (&'static str, crate::pool::Param<'_>) = match which {
        Which::Id(id) => (UPDATE, id),
        Which::Name(name) => (UPDATE_BY_NAME, name),
    };
    let params = [
        key,
        &active.is_set(),
        &new_active,
        &name.is_set(),
        &new_name,
        &limit.is_set(),
        &new_limit,
        &active_slots.is_set(),
        &new_slots,
        &denied_slots.is_set(),
        &new_denied,
        &slot_decay_per_second.is_set(),
        &new_decay,
    ];
    let changed: Option<(LimitId,)> = tx.opt(text, &params).await?;
    if let Some((id,)) = changed {
        tell(&mut tx, Action::Updated, id).await?;
    }
    tx.commit().await?;
    Ok(changed.is_some())
}

fn value<T>(patch: &wire::Patch<Option<T>>) -> Option<&T> {
    patch.value().and_then(Option::as_ref)
}

/// Whether there was such a limit. Leases that name it stay, and hold nothing of it any more.
pub async fn delete(mut tx: Tx<'_>, which: &Which) -> Result<bool> {
    let found = match which {
        Which::Id(id) => Some((*id,)),
        Which::Name(name) => tx.opt(FIND, &[name]).await?,
    };
    let Some((id,)) = found else { return Ok(false) };
    tell(&mut tx, Action::Deleted, id).await?;
    // Another one may have ended it meanwhile, and told of it.
    if tx.run(DELETE, &[&id]).await? == 0 {
        tx.rollback().await?;
        return Ok(false);
    }
    tx.commit().await?;
    Ok(true)
}

/// The limit of a deployment's own, made or changed: what its `concurrency_limit_id` is to name. As in the reference it is
/// called `deployment:` and the deployment's id.
pub async fn set_for_deployment(tx: &mut Tx<'_>, deployment: DeploymentId, limit: i64) -> Result<LimitId> {
    let (id,) = tx.one(SET, &[&LimitId::new(Time::of_machine()), &of_deployment(deployment), &limit]).await?;
    Ok(id)
}

/// Ends a deployment's own limit, where it has one.
pub async fn delete_for_deployment(tx: &mut Tx<'_>, deployment: DeploymentId) -> Result<()> {
    tx.run(DELETE_BY_NAME, &[&of_deployment(deployment)]).await?;
    Ok(())
}

fn of_deployment(deployment: DeploymentId) -> String {
    format!("deployment:{}", deployment.0)
}

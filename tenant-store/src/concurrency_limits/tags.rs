//! The limits of tags, as the first version of the API knows them: each is a limit that is called `tag:` and the tag, and
//! its slots are told by the task runs that hold them.

use domain::concurrency_limits::{ConcurrencyLimit, MinimalConcurrencyLimitResponse, OF_TAG};
use domain::events::lifecycle::Action;
use domain::rules::decision::HELD_FOREVER;
use domain::{LeaseId, LimitId};
use tokio_postgres::Row;
use uuid::Uuid;
use wire::Time;

use super::{of_ended, settle, tell};
use crate::pool::FromRow;
use crate::{Result, Tx};

/// Who holds slots: leases of task runs (`holder_type` 1) that did not run out.
macro_rules! columns {
    () => {
        "l.id, l.created, l.updated, l.name, l.\"limit\", array(select e.holder_id from concurrency_lease e \
           where e.limit_ids @> array[l.id] and e.holder_type = 1 and e.expires_at > clock_timestamp() order by e.created, e.id)"
    };
}

macro_rules! select {
    ($rest:literal) => {
        concat!("select ", columns!(), " from concurrency_limit l ", $rest)
    };
}

/// A row that was inserted has no older version (`xmax`).
const SET: &str = concat!(
    "insert into concurrency_limit as l (id, name, \"limit\") values ($1, $2, $3) \
     on conflict (name) do update set \"limit\" = excluded.\"limit\" returning ",
    columns!(),
    ", l.xmax = 0"
);
const READ: &str = select!("where l.id = $1 and l.name >= 'tag:' and l.name < 'tag;'");
const BY_NAME: &str = select!("where l.name = $1");
const LIST: &str = select!("where l.name >= 'tag:' and l.name < 'tag;' order by l.name limit $1 offset $2");

macro_rules! end {
    ($which:literal) => {
        concat!(
            "with e as (delete from concurrency_lease e where ",
            $which,
            " returning e.limit_ids, e.slots, e.created), \
             delta as materialized (",
            of_ended!(),
            "e), ",
            settle!(),
            " "
        )
    };
}

/// Ends the leases that a task run (`$2`) holds on these limits.
const GIVE_BACK: &str = concat!(
    end!("e.holder_id = $2 and e.limit_ids && array(select l.id from concurrency_limit l where l.name = any($1))"),
    "select l.id, l.name, l.\"limit\" from concurrency_limit l where l.name = any($1) order by l.name"
);
const FIND: &str = "select l.id from concurrency_limit l where l.name = $1";
const END_ALL: &str = concat!(end!("e.limit_ids @> array[$1::uuid]"), "select count(*) from e");
/// Slots that are held from here on, and by whom. Leases that were made since the others ended keep theirs; slots that no
/// lease holds are given back.
const HOLD: &str = "with held as (insert into concurrency_lease (id, limit_ids, slots, holder_type, holder_id, expires_at) \
        select u.id, array[$1::uuid], 1, 1, u.holder, clock_timestamp() + make_interval(secs => $4) \
        from unnest($2::uuid[], $3::uuid[]) as u(id, holder)) \
    update concurrency_limit l set updated = clock_timestamp(), leased_slots = l.leased_slots + cardinality($2::uuid[]), \
    active_slots = l.leased_slots + cardinality($2::uuid[]) where id = $1";
const DELETE: &str = "delete from concurrency_limit where id = $1";

/// Which limit is meant.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    Id(LimitId),
    Tag(&'a str),
}

struct OfTag {
    limit: ConcurrencyLimit,
    fresh: bool,
}

impl FromRow for OfTag {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self { limit: row_of(row)?, fresh: row.try_get(6)? })
    }
}

struct Read(ConcurrencyLimit);

impl FromRow for Read {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        row_of(row).map(Self)
    }
}

fn row_of(row: &Row) -> Result<ConcurrencyLimit, tokio_postgres::Error> {
    let name: String = row.try_get(3)?;
    Ok(ConcurrencyLimit {
        id: row.try_get(0)?,
        created: row.try_get(1)?,
        updated: row.try_get(2)?,
        tag: name.strip_prefix(OF_TAG).unwrap_or(&name).to_owned(),
        concurrency_limit: row.try_get(4)?,
        active_slots: row.try_get(5)?,
    })
}

/// The name of a tag's limit.
pub fn name(tag: &str) -> String {
    format!("{OF_TAG}{tag}")
}

/// The limit of a tag as it is to be, and whether it is new.
pub async fn set(mut tx: Tx<'_>, tag: &str, limit: i64) -> Result<(ConcurrencyLimit, bool)> {
    let OfTag { limit, fresh } = tx.one(SET, &[&LimitId::new(Time::of_machine()), &name(tag), &limit]).await?;
    tell(&mut tx, if fresh { Action::Created } else { Action::Updated }, limit.id).await?;
    tx.commit().await?;
    Ok((limit, fresh))
}

pub async fn read(tx: &mut Tx<'_>, which: Which<'_>) -> Result<Option<ConcurrencyLimit>> {
    let found: Option<Read> = match which {
        Which::Id(id) => tx.opt(READ, &[&id]).await?,
        Which::Tag(tag) => tx.opt(BY_NAME, &[&name(tag)]).await?,
    };
    Ok(found.map(|Read(limit)| limit))
}

/// By tag.
pub async fn list(tx: &mut Tx<'_>, limit: i64, offset: i64) -> Result<Vec<ConcurrencyLimit>> {
    let found: Vec<Read> = tx.all(LIST, &[&limit, &offset]).await?;
    Ok(found.into_iter().map(|Read(limit)| limit).collect())
}

/// Gives back what a task run holds of these tags' limits: the limits that there are.
pub async fn give_back(tx: Tx<'_>, tags: &[String], task_run: Uuid) -> Result<Vec<MinimalConcurrencyLimitResponse>> {
    let names: Vec<String> = tags.iter().map(|tag| name(tag)).collect();
    tx.last_all(GIVE_BACK, &[&names, &task_run]).await
}

/// Ends every lease on a tag's limit; from then on these task runs hold its slots, be they more than it has. Whether there
/// is such a limit.
pub async fn reset(mut tx: Tx<'_>, tag: &str, holders: &[Uuid]) -> Result<bool> {
    let Some((limit,)): Option<(LimitId,)> = tx.opt(FIND, &[&name(tag)]).await? else { return Ok(false) };
    let _: (i64,) = tx.one(END_ALL, &[&limit]).await?;
    let leases: Vec<Uuid> = holders.iter().map(|_| LeaseId::new(Time::of_machine()).0).collect();
    tx.last_run(HOLD, &[&limit, &leases, &holders, &HELD_FOREVER.as_secs_f64()]).await?;
    Ok(true)
}

/// Ends a limit and every lease on it; whether there was one. By id that is any limit, as in the reference.
pub async fn delete(mut tx: Tx<'_>, which: Which<'_>) -> Result<bool> {
    let limit = match which {
        Which::Id(id) => id,
        Which::Tag(tag) => match tx.opt(FIND, &[&name(tag)]).await? {
            Some((id,)) => id,
            None => return Ok(false),
        },
    };
    tell(&mut tx, Action::Deleted, limit).await?;
    let _: (i64,) = tx.one(END_ALL, &[&limit]).await?;
    // Another one may have ended it meanwhile, and told of it.
    if tx.run(DELETE, &[&limit]).await? == 0 {
        tx.rollback().await?;
        return Ok(false);
    }
    tx.commit().await?;
    Ok(true)
}

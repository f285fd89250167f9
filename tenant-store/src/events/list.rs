//! Pages of events, and how many there are.

use std::time::Duration;

use domain::EventId;
use domain::events::filter::{EventFilter, EventOrder};
use domain::events::{Event, ReceivedEvent, Resource};
use serde::de::DeserializeOwned;
use tokio_postgres::Row;
use wire::{RawJson, Time};

use super::names;
use crate::pool::FromRow;
use crate::sql::Sql;
use crate::{Result, Tx};

/// Events are counted up to this many: the whole of a large workspace would be read for a number that nobody reads.
pub const MOST_COUNTED: i64 = 100_000;

macro_rules! columns {
    () => {
        "e.occurred, e.event, e.resource, e.related, e.payload, e.id, e.follows, e.received"
    };
}

/// A place in the order of events, behind one of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    pub occurred: Time,
    pub id: EventId,
}

/// What a page is of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Page {
    First,
    /// From behind this event on.
    Behind(Place),
    /// So many events later; where each resource comes once, no event says where a page ends.
    Skipping(i64),
}

struct Shown(ReceivedEvent);

impl FromRow for Shown {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let event = Event {
            occurred: row.try_get(0)?,
            event: row.try_get(1)?,
            resource: parsed(&row.try_get(2)?).unwrap_or_else(|| Resource::of("")),
            related: parsed(&row.try_get(3)?).unwrap_or_default(),
            payload: row.try_get(4)?,
            id: row.try_get(5)?,
            follows: row.try_get(6)?,
        };
        Ok(Self(ReceivedEvent { event, received: row.try_get(7)? }))
    }
}

/// Only this program writes these columns, and what it writes it can read.
fn parsed<T: DeserializeOwned>(column: &RawJson) -> Option<T> {
    serde_json::from_str(column.text()).inspect_err(|error| tracing::error!(%error, "an event cannot be read")).ok()
}

/// `limit` events at most, in the filter's order.
pub async fn page(tx: &mut Tx<'_>, filter: &EventFilter, page: Page, limit: i64) -> Result<Vec<ReceivedEvent>> {
    let shown: Vec<Shown> = tx.all_of(&listing(filter, page, limit)).await?;
    Ok(shown.into_iter().map(|shown| shown.0).collect())
}

/// How many events are asked for; [`MOST_COUNTED`] where there are more.
pub async fn total(tx: &mut Tx<'_>, filter: &EventFilter) -> Result<i64> {
    match names::named(tx, filter).await? {
        Some(filter) => tx.count_of(totalling(&filter)).await,
        None => Ok(0),
    }
}

/// By the database's clock, as `received` is.
macro_rules! received_within {
    () => {
        "e.received >= clock_timestamp() - make_interval(secs => $1)"
    };
}

const NEW: &str = concat!("select e.id from event e where ", received_within!(), " order by e.received desc limit $2");
const NEW_OF_NAMES: &str = concat!(
    "select e.id from event e where ",
    received_within!(),
    " and e.event = any($3) order by e.received desc limit $2"
);
/// A second more: time goes on meanwhile.
const READ: &str = concat!(
    "select ",
    columns!(),
    " from event e where e.received >= clock_timestamp() - make_interval(secs => $1::float8 + 1) and e.id = any($2) \
     order by e.occurred, e.id"
);

/// Events that were stored a moment ago, by whichever replica, in the order in which they occurred: those of these names,
/// if some are given, that `unseen` picks. At most the `limit` newest are looked at; the answer says whether that was all.
pub async fn since_received(
    tx: &mut Tx<'_>,
    back: Duration,
    names: Option<&[String]>,
    limit: i64,
    unseen: impl Fn(EventId) -> bool,
) -> Result<(Vec<ReceivedEvent>, bool)> {
    let seconds = back.as_secs_f64();
    let ids: Vec<(EventId,)> = match names {
        Some(names) => tx.all(NEW_OF_NAMES, &[&seconds, &limit, &names]).await?,
        None => tx.all(NEW, &[&seconds, &limit]).await?,
    };
    let more = i64::try_from(ids.len()).is_ok_and(|found| found == limit);
    let ids: Vec<EventId> = ids.into_iter().map(|(id,)| id).filter(|id| unseen(*id)).collect();
    if ids.is_empty() {
        return Ok((Vec::new(), more));
    }
    let shown: Vec<Shown> = tx.all(READ, &[&seconds, &ids]).await?;
    Ok((shown.into_iter().map(|shown| shown.0).collect(), more))
}

pub(crate) fn listing(filter: &EventFilter, page: Page, limit: i64) -> Sql<'_> {
    let distinct = filter.resource.as_ref().is_some_and(|resource| resource.distinct);
    let ascending = filter.order == EventOrder::Asc;
    let mut sql = match distinct {
        false => Sql::new(concat!("select ", columns!(), " from event e where true")),
        true => Sql::new(concat!(
            "select ",
            columns!(),
            " from (select distinct on (e.resource_id) ",
            columns!(),
            " from event e where true"
        )),
    };
    sql.and(Some(filter));
    if let Page::Behind(Place { occurred, id }) = page {
        sql.push(if ascending { " and (e.occurred, e.id) > (" } else { " and (e.occurred, e.id) < (" });
        sql.bind(occurred).push(", ").bind(id).push(")");
    }
    if distinct {
        sql.push(match ascending {
            true => " order by e.resource_id, e.occurred, e.id) e",
            false => " order by e.resource_id, e.occurred desc, e.id desc) e",
        });
    }
    let order = if ascending { "e.occurred, e.id" } else { "e.occurred desc, e.id desc" };
    sql.push(" order by ").push(order).push(" limit ").bind(limit);
    if let Page::Skipping(offset) = page {
        sql.push(" offset ").bind(offset);
    }
    sql
}

pub(crate) fn totalling(filter: &EventFilter) -> Sql<'_> {
    let distinct = filter.resource.as_ref().is_some_and(|resource| resource.distinct);
    let mut sql = Sql::new(match distinct {
        true => "select count(*) from (select distinct e.resource_id from event e where true",
        false => "select count(*) from (select from event e where true",
    });
    sql.and(Some(filter)).push(" limit ").bind(MOST_COUNTED).push(") one");
    sql
}

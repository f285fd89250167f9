//! How many events there are of each name, about each resource, in each stretch of time.

use domain::events::counts::Buckets;
use domain::events::filter::EventFilter;
use wire::Time;

use super::names;
use crate::sql::Sql;
use crate::{Result, Tx, row};

/// Names or resources that are answered, the most frequent first.
const MOST_VALUES: i64 = 1000;

/// What events are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    Event,
    Resource,
}

/// Events that have something in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Bucketed {
    pub value: String,
    pub label: String,
    pub count: i64,
    pub oldest: Time,
    pub latest: Time,
}

row! { Bucketed: value "c.value", label "c.label", count "c.count", oldest "c.oldest", latest "c.latest" }

/// The most frequent first, by label where they are equally many.
pub async fn count_by(tx: &mut Tx<'_>, filter: &EventFilter, counted: Counted) -> Result<Vec<Bucketed>> {
    match names::named(tx, filter).await? {
        Some(filter) => tx.counted_of(counting_by(&filter, counted)).await,
        None => Ok(Vec::new()),
    }
}

/// How many events are in which bucket; buckets without any are left out.
pub async fn count_over_time(tx: &mut Tx<'_>, filter: &EventFilter, buckets: Buckets) -> Result<Vec<(i64, i64)>> {
    match names::named(tx, filter).await? {
        Some(filter) => tx.counted_of(counting_over_time(&filter, buckets)).await,
        None => Ok(Vec::new()),
    }
}

pub(crate) fn counting_over_time(filter: &EventFilter, buckets: Buckets) -> Sql<'_> {
    let mut sql = Sql::new("select floor((extract(epoch from e.occurred) * 1000000 - ");
    sql.bind(buckets.pivot().micros())
        .push("::int8) / ")
        .bind(buckets.micros())
        .push("::int8)::int8 as bucket, count(*)");
    sql.push(" from event e where true").and(Some(filter)).push(" group by bucket order by bucket");
    sql
}

/// A value is shown under the label that it had last.
pub(crate) fn counting_by(filter: &EventFilter, counted: Counted) -> Sql<'_> {
    let mut sql = Sql::new(match counted {
        Counted::Event => {
            "select e.event as value, e.event as label, count(*), min(e.occurred) as oldest, max(e.occurred) as latest \
             from event e where true"
        }
        Counted::Resource => {
            "select * from (select c.value, (array_agg(c.label order by c.latest desc))[1] as label, \
             sum(c.count)::int8 as count, min(c.oldest) as oldest, max(c.latest) as latest from (select e.resource_id as value, \
             coalesce(e.resource ->> 'prefect.resource.name', e.resource ->> 'prefect.name', e.resource_id) as label, \
             count(*) as count, min(e.occurred) as oldest, max(e.occurred) as latest from event e where true"
        }
    });
    sql.and(Some(filter)).push(match counted {
        Counted::Event => " group by e.event order by 3 desc, 2 limit ",
        Counted::Resource => {
            " group by 1, 2) c group by c.value) c order by c.count desc, c.label collate \"C\", c.value limit "
        }
    });
    sql.bind(MOST_VALUES);
    sql
}

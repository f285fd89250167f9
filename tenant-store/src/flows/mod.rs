//! Flows: all SQL of the resource. What may be asked of them is in [`filter`].

mod filter;

use domain::FlowId;
use domain::events::lifecycle::{self, Action};
use domain::flows::{Flow, FlowCreate, FlowUpdate};
use wire::Time;

use crate::artifacts::{self, Gone};
use crate::concurrency_limits::leases;
use crate::relations::Filters;
use crate::sql::{Columns, Sql};
use crate::{Result, Tx, row};

pub use filter::{FlowFilter, FlowSort};

row! { Flow: id "f.id", created "f.created", updated "f.updated", name "f.name", tags "f.tags", labels "f.labels" }

/// No dead row for a name that exists after all.
const CREATE: &str = "with fresh as (insert into flow (id, name, tags, labels) values ($1, $2, $3, $4) \
    on conflict (name) do nothing returning id, created, updated, name, tags, labels) \
    select f.id, f.created, f.updated, f.name, f.tags, f.labels, true from fresh f \
    union all select f.id, f.created, f.updated, f.name, f.tags, f.labels, false from flow f where f.name = $2 limit 1";
const READ: &str = "select f.id, f.created, f.updated, f.name, f.tags, f.labels from flow f where f.id = $1";
const BY_NAME: &str = "select f.id, f.created, f.updated, f.name, f.tags, f.labels from flow f where f.name = $1";
const UPDATE: &str = "update flow f set tags = case when $2 then $3 else f.tags end, updated = now() where f.id = $1 \
    returning f.id, f.created, f.updated, f.name, f.tags, f.labels";
const DELETE: &str = concat!(
    "with gone as (delete from flow where id = any($1) returning id, created, updated, name, tags, labels), \
     deployments as (delete from deployment where flow_id in (select id from gone) returning id), \
     pulses as (delete from pulse where resource_id in (select id from deployments)), \
     schedules as (delete from deployment_schedule where deployment_id in (select id from deployments) returning id), \
     passes as (delete from schedule_pass where schedule_id in (select id from schedules)), \
     runs as (delete from flow_run where flow_id in (select id from gone) returning id), ",
    crate::flow_runs::with_children!(),
    "select id, created, updated, name, tags, labels from gone"
);

/// A flow that may have been there already.
struct Found {
    flow: Flow,
    fresh: bool,
}

impl crate::pool::FromRow for Found {
    fn from_row(row: &tokio_postgres::Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self { flow: Flow::from_row(row)?, fresh: row.try_get(6)? })
    }
}

/// The flow of that name, and whether it is new. `None` when another transaction created it after this statement's
/// snapshot: ask again, the next snapshot sees it.
pub async fn create(mut tx: Tx<'_>, new: &FlowCreate) -> Result<Option<(Flow, bool)>> {
    let id = FlowId::new(Time::of_machine());
    let found: Option<Found> = tx.opt(CREATE, &[&id, &new.name, &new.tags, &new.labels]).await?;
    if let Some(Found { flow, fresh: true }) = &found {
        tx.tell(lifecycle::flow(Action::Created, flow));
    }
    tx.commit().await?;
    Ok(found.map(|Found { flow, fresh }| (flow, fresh)))
}

pub async fn read(tx: &mut Tx<'_>, id: FlowId) -> Result<Option<Flow>> {
    tx.opt(READ, &[&id]).await
}

pub async fn by_name(tx: &mut Tx<'_>, name: &str) -> Result<Option<Flow>> {
    tx.opt(BY_NAME, &[&name]).await
}

/// Whether there was such a flow.
pub async fn update(mut tx: Tx<'_>, id: FlowId, change: &FlowUpdate) -> Result<bool> {
    let FlowUpdate { tags } = change;
    let changed: Option<Flow> = tx.opt(UPDATE, &[&id, &tags.is_set(), &tags.value()]).await?;
    if let Some(flow) = &changed {
        tx.tell(lifecycle::flow(Action::Updated, flow));
    }
    tx.commit().await?;
    Ok(changed.is_some())
}

/// Deletes flows with their deployments and runs; which of them there were.
pub async fn delete(mut tx: Tx<'_>, ids: &[FlowId]) -> Result<Vec<FlowId>> {
    leases::release_runs_of(&mut tx, ids).await?;
    artifacts::delete_with(&mut tx, Gone::Flows(ids)).await?;
    let gone: Vec<Flow> = tx.all(DELETE, &[&ids]).await?;
    gone.iter().for_each(|flow| tx.tell(lifecycle::flow(Action::Deleted, flow)));
    tx.commit().await?;
    Ok(gone.into_iter().map(|flow| flow.id).collect())
}

pub async fn list(tx: &mut Tx<'_>, filters: &Filters, sort: FlowSort, limit: i64, offset: i64) -> Result<Vec<Flow>> {
    tx.all_of(&page(filters, sort, limit, offset)).await
}

pub async fn count(tx: &mut Tx<'_>, filters: &Filters) -> Result<i64> {
    let (count,) = tx.one_of(&counting(filters)).await?;
    Ok(count)
}

pub(crate) fn page(filters: &Filters, sort: FlowSort, limit: i64, offset: i64) -> Sql<'_> {
    let mut sql = Sql::new("select ");
    sql.push(Flow::COLUMNS).push(" from flow f where true");
    filters.of_flows(&mut sql);
    sql.page(sort.sql(), limit, offset);
    sql
}

pub(crate) fn counting(filters: &Filters) -> Sql<'_> {
    let mut sql = Sql::new("select count(*) from flow f where true");
    filters.of_flows(&mut sql);
    sql
}

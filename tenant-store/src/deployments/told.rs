//! What is told of deployments: read before and after a change, in its transaction.

use std::sync::LazyLock;

use domain::events::lifecycle::Action;
use domain::events::lifecycle::deployments::{self as told, Deployment};
use domain::{DeploymentId, FlowId};
use serde_json::Value;
use tokio_postgres::Row;
use wire::RawJson;

use crate::orchestration::Cells;
use crate::pool::FromRow;
use crate::{Result, Tx};

/// A deployment as events show it, and its fields of which a change is told.
pub(super) struct Told {
    pub deployment: Deployment,
    fields: Value,
}

/// What stands around a deployment.
macro_rules! around {
    () => {
        "d.id, d.name, f.id, f.name, q.id, q.name, p.id, p.name, p.type, d.storage_document_id, \
         d.infrastructure_document_id, d.concurrency_limit_id"
    };
}
macro_rules! joined {
    () => {
        " from deployment d left join flow f on f.id = d.flow_id left join work_queue q on q.id = d.work_queue_id \
         left join work_pool p on p.id = q.work_pool_id where "
    };
}
const AROUND: &str = concat!("select ", around!(), joined!(), "d.id = any($1) order by d.id");
const SELECT: &str = concat!(
    "select ",
    around!(),
    ", json_build_object('description', d.description, 'tags', d.tags, \
    'parameters', d.parameters, 'parameter_openapi_schema', d.parameter_openapi_schema, \
    'enforce_parameter_schema', d.enforce_parameter_schema, 'entrypoint', d.entrypoint, 'path', d.path, \
    'pull_steps', d.pull_steps, 'work_queue_id', d.work_queue_id, 'infra_overrides', d.job_variables, 'paused', d.paused, 'labels', d.labels, \
    'version', d.version, 'concurrency_limit_id', d.concurrency_limit_id, 'concurrency_options', d.concurrency_options)",
    joined!(),
);
static OF: LazyLock<String> = LazyLock::new(|| format!("{SELECT}d.id = any($1) order by d.id"));
static OF_NAME: LazyLock<String> = LazyLock::new(|| format!("{SELECT}d.flow_id = $1 and d.name = $2"));

impl FromRow for Told {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let cells = &mut Cells::of(row);
        let deployment = named(cells)?;
        let fields: RawJson = cells.next()?;
        Ok(Self { deployment, fields: fields.to_value() })
    }
}

struct Named(Deployment);

impl FromRow for Named {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        named(&mut Cells::of(row)).map(Self)
    }
}

fn named(c: &mut Cells<'_>) -> Result<Deployment, tokio_postgres::Error> {
    let (id, name) = (c.next()?, c.next()?);
    let flow: (Option<_>, Option<String>) = (c.next()?, c.next()?);
    let queue: (Option<_>, Option<String>) = (c.next()?, c.next()?);
    let pool: (Option<_>, Option<String>, Option<String>) = (c.next()?, c.next()?, c.next()?);
    let (storage_document, infrastructure_document, limit) = (c.next()?, c.next()?, c.next()?);
    Ok(Deployment {
        id,
        name,
        flow: flow.0.zip(flow.1),
        queue: queue.0.zip(queue.1),
        pool: pool.0.zip(pool.1).zip(pool.2).map(|((id, name), type_)| (id, name, type_)),
        storage_document,
        infrastructure_document,
        limit,
    })
}

/// Deployments as events name them, in the order of their ids.
pub(crate) async fn named_of(tx: &mut Tx<'_>, ids: &[DeploymentId]) -> Result<Vec<Deployment>> {
    let found: Vec<Named> = tx.all(AROUND, &[&ids]).await?;
    Ok(found.into_iter().map(|Named(deployment)| deployment).collect())
}

pub(super) async fn of(tx: &mut Tx<'_>, ids: &[DeploymentId]) -> Result<Vec<Told>> {
    tx.all(OF.as_str(), &[&ids]).await
}

/// The one of a flow by its name, if there is one.
pub(super) async fn of_name(tx: &mut Tx<'_>, flow: FlowId, name: &str) -> Result<Option<Told>> {
    tx.opt(OF_NAME.as_str(), &[&flow, &name]).await
}

/// Tells of a deployment that was made, or of what was changed of one.
pub(super) async fn tell(tx: &mut Tx<'_>, id: DeploymentId, before: Option<&Told>) -> Result<()> {
    for after in of(tx, &[id]).await? {
        let telling = match before {
            None => Some(told::deployment(Action::Created, &after.deployment)),
            Some(before) => told::deployment_updated(&after.deployment, &before.fields, &after.fields),
        };
        telling.into_iter().for_each(|telling| tx.tell(telling));
    }
    Ok(())
}

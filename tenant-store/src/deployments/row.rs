//! A deployment as it is answered: the columns of one row of `deployment d`, and nothing to join by whoever selects them.

use std::collections::HashMap;

use domain::deployments::{Deployment, DeploymentStatus};
use domain::schedules::DeploymentSchedule;
use domain::{DeploymentId, LimitId};
use tokio_postgres::Row;

use crate::orchestration::Cells;
use crate::pool::FromRow;
use crate::sql::Columns;
use crate::{Result, Tx, concurrency_limits, schedules};

impl Columns for Deployment {
    // Names of pool and queue are looked up by key, row by row: a join would be in the way of every filter and order.
    const COLUMNS: &'static str = "d.id, d.created, d.updated, d.name, d.version, d.description, d.flow_id, d.paused, \
        d.concurrency_options, d.job_variables, d.parameters, d.tags, d.labels, \
        coalesce((select w.name from work_queue w where w.id = d.work_queue_id), d.work_queue_name), d.work_queue_id, \
        (select u.last_seen from pulse u where u.resource_id = d.id), d.parameter_openapi_schema, d.path, \
        d.pull_steps, d.entrypoint, d.storage_document_id, d.infrastructure_document_id, \
        (select o.name from work_queue w join work_pool o on o.id = w.work_pool_id where w.id = d.work_queue_id), \
        (select u.status from pulse u where u.resource_id = d.id), d.enforce_parameter_schema, d.concurrency_limit_id";
}

/// A deployment without what stands in other tables.
pub(super) struct Bare {
    deployment: Deployment,
    limit: Option<LimitId>,
}

/// Deployments with what belongs to them, whatever their number in one trip for each table.
pub(super) async fn whole(tx: &mut Tx<'_>, rows: Vec<Bare>) -> Result<Vec<Deployment>> {
    let limits: Vec<LimitId> = rows.iter().filter_map(|row| row.limit).collect();
    let limits = concurrency_limits::of_ids(tx, &limits).await?;
    let ids: Vec<DeploymentId> = rows.iter().map(|row| row.deployment.id).collect();
    let mut schedules: HashMap<DeploymentId, Vec<DeploymentSchedule>> = HashMap::new();
    for schedule in schedules::of(tx, &ids).await? {
        schedules.entry(schedule.deployment_id).or_default().push(schedule);
    }
    let deployments = rows.into_iter().map(|Bare { mut deployment, limit }| {
        deployment.schedules = schedules.remove(&deployment.id).unwrap_or_default();
        let limit = limit.and_then(|id| limits.iter().find(|found| found.id == id));
        deployment.global_concurrency_limit = limit.cloned();
        deployment
    });
    Ok(deployments.collect())
}

impl FromRow for Bare {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let c = &mut Cells::of(row);
        // In the order of the columns, where they have one.
        let deployment = Deployment {
            id: c.next()?,
            created: c.next()?,
            updated: c.next()?,
            name: c.next()?,
            version: c.next()?,
            description: c.next()?,
            flow_id: c.next()?,
            paused: c.next()?,
            schedules: Vec::new(),
            concurrency_limit: None,
            global_concurrency_limit: None,
            concurrency_options: c.next()?,
            job_variables: c.next()?,
            parameters: c.next()?,
            tags: c.next()?,
            labels: c.next()?,
            work_queue_name: c.next()?,
            work_queue_id: c.next()?,
            last_polled: c.next()?,
            parameter_openapi_schema: c.next()?,
            path: c.next()?,
            pull_steps: c.next()?,
            entrypoint: c.next()?,
            storage_document_id: c.next()?,
            infrastructure_document_id: c.next()?,
            created_by: None,
            updated_by: None,
            work_pool_name: c.next()?,
            status: DeploymentStatus::of_pulse(c.next()?),
            enforce_parameter_schema: c.next()?,
        };
        Ok(Self { deployment, limit: c.next()? })
    }
}

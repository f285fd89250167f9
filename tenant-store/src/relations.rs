//! The relations between resources, written once: what a filter for one means for another.
//!
//! A filter for a related resource asks that such a row exists, also when it has no criteria (reference:
//! `_apply_flow_filters`, `_apply_flow_run_filters`, `_apply_task_run_filters` of `server/models`). Related rows are looked
//! for by `exists`, which Postgres plans as a semi-join from whichever side is smaller.
//!
//! Flows and deployments are few and their runs many, and not alike in number: which index is best for the runs of a flow
//! hangs on which flow it is. So what a filter finds among them is looked up first ([`Near`]), and the runs are asked for
//! by those ids, whose frequencies Postgres knows. A filter by id says the same without a look.

use uuid::Uuid;

use crate::deployments::DeploymentFilter;
use crate::flow_runs::FlowRunFilter;
use crate::flows::FlowFilter;
use crate::sql::{Operator, Sql, Write};
use crate::task_runs::TaskRunFilter;
use crate::work_pools::WorkPoolFilter;
use crate::work_queues::WorkQueueFilter;
use crate::{Result, Tx};

/// The filters of one request; each narrows the result through the relations between the resources.
#[derive(Debug, Clone, Default)]
pub struct Filters {
    pub flows: Option<FlowFilter>,
    pub flow_runs: Option<FlowRunFilter>,
    pub task_runs: Option<TaskRunFilter>,
    pub deployments: Option<DeploymentFilter>,
    pub work_pools: Option<WorkPoolFilter>,
    pub work_queues: Option<WorkQueueFilter>,
}

/// More flows or deployments than these are not looked up first.
const MOST_NEAR: i64 = 100;

/// The flows and deployments that the filters of a request find, where they are not too many.
#[derive(Debug, Default)]
pub struct Near {
    flows: Option<Vec<Uuid>>,
    deployments: Option<Vec<Uuid>>,
}

impl Near {
    /// Looks them up, in a trip each; without filters, and for filters by id, there is none.
    pub async fn of(tx: &mut Tx<'_>, filters: &Filters) -> Result<Self> {
        let flows = match filters.flows_to_find() {
            Some(sql) => few(tx.all_of(&sql).await?),
            None => None,
        };
        let deployments = match filters.deployments_to_find() {
            Some(sql) => few(tx.all_of(&sql).await?),
            None => None,
        };
        Ok(Self { flows, deployments })
    }

    #[cfg(test)]
    pub(crate) fn found(flows: Option<Vec<Uuid>>, deployments: Option<Vec<Uuid>>) -> Self {
        Self { flows, deployments }
    }
}

fn few(found: Vec<(Uuid,)>) -> Option<Vec<Uuid>> {
    (found.len() as i64 <= MOST_NEAR).then(|| found.into_iter().map(|(id,)| id).collect())
}

impl Filters {
    pub(crate) fn flows_to_find(&self) -> Option<Sql<'_>> {
        let filter = self.flows.as_ref().filter(|_| self.flow_ids().is_none())?;
        let mut sql = Sql::new("select f.id from flow f where true");
        sql.and(Some(filter)).push(" limit ").bind(MOST_NEAR + 1);
        Some(sql)
    }

    pub(crate) fn deployments_to_find(&self) -> Option<Sql<'_>> {
        let filter = self.deployments.as_ref().filter(|_| self.deployment_ids().is_none())?;
        let mut sql = Sql::new("select d.id from deployment d where true");
        sql.and(Some(filter)).push(" limit ").bind(MOST_NEAR + 1);
        Some(sql)
    }

    /// Narrows a query for flows (`f`).
    pub fn of_flows<'a>(&'a self, sql: &mut Sql<'a>) {
        sql.and(self.flows.as_ref());
        if self.deployments.is_some() || self.work_pools.is_some() {
            sql.push(" and exists (select from deployment d");
            if self.work_pools.is_some() {
                sql.push(" join work_queue q on q.id = d.work_queue_id join work_pool w on w.id = q.work_pool_id");
            }
            sql.push(" where d.flow_id = f.id").and(self.deployments.as_ref()).and(self.work_pools.as_ref()).push(")");
        }
        if self.flow_runs.is_some() || self.task_runs.is_some() {
            sql.push(" and exists (select from flow_run r");
            if self.task_runs.is_some() {
                sql.push(" join task_run t on t.flow_run_id = r.id");
            }
            sql.push(" where r.flow_id = f.id").and(self.flow_runs.as_ref()).and(self.task_runs.as_ref()).push(")");
        }
    }

    /// Narrows a query for deployments (`d`).
    pub fn of_deployments<'a>(&'a self, sql: &mut Sql<'a>) {
        sql.and(self.deployments.as_ref());
        refer(sql, " and d.flow_id = any({})", self.flow_ids());
        sql.and_exists("select from flow f where f.id = d.flow_id", self.flows.as_ref());
        if self.flow_runs.is_some() || self.task_runs.is_some() {
            sql.push(" and exists (select from flow_run r");
            if self.task_runs.is_some() {
                sql.push(" join task_run t on t.flow_run_id = r.id");
            }
            sql.push(" where r.deployment_id = d.id")
                .and(self.flow_runs.as_ref())
                .and(self.task_runs.as_ref())
                .push(")");
        }
        if self.work_pools.is_some() || self.work_queues.is_some() {
            sql.push(" and exists (select from work_queue q");
            if self.work_pools.is_some() {
                sql.push(" join work_pool w on w.id = q.work_pool_id");
            }
            sql.push(" where q.id = d.work_queue_id").and(self.work_queues.as_ref());
            sql.and(self.work_pools.as_ref()).push(")");
        }
    }

    /// Narrows a query for flow runs (`r`).
    pub fn of_flow_runs<'a>(&'a self, near: &'a Near, sql: &mut Sql<'a>) {
        sql.and(self.flow_runs.as_ref());
        refer(sql, " and r.deployment_id = any({})", near.deployments.as_ref().or(self.deployment_ids()));
        if near.deployments.is_none() {
            sql.and_exists("select from deployment d where d.id = r.deployment_id", self.deployments.as_ref());
        }
        let pool = "select from work_queue q join work_pool w on w.id = q.work_pool_id where q.id = r.work_queue_id";
        sql.and_exists(pool, self.work_pools.as_ref());
        sql.and_exists("select from work_queue q where q.id = r.work_queue_id", self.work_queues.as_ref());
        refer(sql, " and r.flow_id = any({})", near.flows.as_ref().or(self.flow_ids()));
        if near.flows.is_none() {
            sql.and_exists("select from flow f where f.id = r.flow_id", self.flows.as_ref());
        }
        sql.and_exists("select from task_run t where t.flow_run_id = r.id", self.task_runs.as_ref());
    }

    /// Narrows a query for task runs (`t`).
    pub fn of_task_runs<'a>(&'a self, near: &'a Near, sql: &mut Sql<'a>) {
        sql.and(self.task_runs.as_ref());
        let others = self.flows.is_some()
            || self.deployments.is_some()
            || self.work_pools.is_some()
            || self.work_queues.is_some();
        refer(sql, " and t.flow_run_id = any({})", self.flow_run_ids());
        // A list of ids alone asks for the tasks of those runs, whether or not a run is there yet: its tasks may come first.
        if !others && self.flow_runs.as_ref().is_none_or(|filter| filter.only_ids().is_some()) {
            return;
        }
        sql.push(" and exists (select from flow_run r");
        let flows = self.flows.as_ref().filter(|_| near.flows.is_none());
        if flows.is_some() {
            sql.push(" join flow f on f.id = r.flow_id");
        }
        let deployments = self.deployments.as_ref().filter(|_| near.deployments.is_none());
        if deployments.is_some() {
            sql.push(" join deployment d on d.id = r.deployment_id");
        }
        if self.work_queues.is_some() || self.work_pools.is_some() {
            sql.push(" join work_queue q on q.id = r.work_queue_id");
        }
        if self.work_pools.is_some() {
            sql.push(" join work_pool w on w.id = q.work_pool_id");
        }
        sql.push(" where r.id = t.flow_run_id").and(self.flow_runs.as_ref());
        refer(sql, " and r.flow_id = any({})", near.flows.as_ref().or(self.flow_ids()));
        sql.and(flows);
        refer(sql, " and r.deployment_id = any({})", near.deployments.as_ref().or(self.deployment_ids()));
        sql.and(deployments).and(self.work_queues.as_ref()).and(self.work_pools.as_ref()).push(")");
    }

    /// Narrows a query for artifacts (`a`).
    pub fn of_artifacts<'a>(&'a self, sql: &mut Sql<'a>) {
        if self.flows.is_some() || self.flow_runs.is_some() || self.deployments.is_some() {
            sql.push(" and exists (select from flow_run r");
            if self.flows.is_some() {
                sql.push(" join flow f on f.id = r.flow_id");
            }
            if self.deployments.is_some() {
                sql.push(" join deployment d on d.id = r.deployment_id");
            }
            sql.push(" where r.id = a.flow_run_id").and(self.flow_runs.as_ref());
            sql.and(self.flows.as_ref()).and(self.deployments.as_ref()).push(")");
        }
        sql.and_exists("select from task_run t where t.id = a.task_run_id", self.task_runs.as_ref());
    }

    /// The only ids the flows can have.
    fn flow_ids(&self) -> Option<&Vec<Uuid>> {
        let filter = self.flows.as_ref().filter(|filter| filter.operator == Operator::And)?;
        filter.id.as_ref()?.any_.as_ref()
    }

    /// The only ids the flow runs can have.
    fn flow_run_ids(&self) -> Option<&Vec<Uuid>> {
        let filter = self.flow_runs.as_ref()?;
        match filter.operator {
            Operator::And => filter.id.as_ref()?.any_.as_ref(),
            Operator::Or => filter.only_ids(),
        }
    }

    /// The only ids the deployments can have.
    fn deployment_ids(&self) -> Option<&Vec<Uuid>> {
        let filter = self.deployments.as_ref().filter(|filter| filter.operator == Operator::And)?;
        filter.id.as_ref()?.any_.as_ref()
    }
}

/// Says of a column that it refers to one of some ids.
fn refer<'a>(sql: &mut Sql<'a>, template: &'static str, ids: Option<&'a Vec<Uuid>>) {
    if let Some(ids) = ids {
        ids.write(sql, template);
    }
}

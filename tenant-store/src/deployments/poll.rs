//! What a served flow asks for: the runs of its deployments that are due.

use std::sync::LazyLock;

use domain::DeploymentId;
use domain::flow_runs::FlowRun;
use wire::Time;

use crate::sql::Columns;
use crate::{Result, Tx};

// Of each deployment its own first ones: asked for all together, Postgres may go through the runs of everybody in the order
// of their start.
static SCHEDULED: LazyLock<String> = LazyLock::new(|| {
    format!(
        "select {} from (select i.id, i.due from deployment d cross join lateral (\
                select r.id, r.next_scheduled_start_time as due from flow_run r where r.deployment_id = d.id and r.state_type = 0 \
                and r.next_scheduled_start_time <= coalesce($2::timestamptz, 'infinity') \
                order by r.next_scheduled_start_time, r.id limit $3) i \
            where d.id = any($1) order by i.due, i.id limit $3) o \
        join flow_run r on r.id = o.id order by o.due, o.id",
        FlowRun::COLUMNS
    )
});

/// The statement of a poll, for the test that explains it.
#[cfg(test)]
pub(crate) fn poll_statement() -> &'static str {
    SCHEDULED.as_str()
}

/// The scheduled runs of deployments, those with the earliest start first. With `before`, those that start by then.
pub async fn scheduled_runs(
    tx: &mut Tx<'_>,
    of: &[DeploymentId],
    before: Option<Time>,
    limit: i64,
) -> Result<Vec<FlowRun>> {
    tx.all(SCHEDULED.as_str(), &[&of, &before, &limit]).await
}

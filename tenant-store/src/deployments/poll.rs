//! What a served flow asks for: the runs of its deployments that are due.

use std::sync::LazyLock;

use domain::DeploymentId;
use domain::flow_runs::FlowRun;
use wire::Time;

use crate::sql::Columns;
use crate::{Result, Tx};

// Of each deployment its own first ones, whole: asked for all together, or by id and read again, Postgres may go through the
// runs of everybody.
static SCHEDULED: LazyLock<String> = LazyLock::new(|| {
    format!(
        "select {} from deployment d cross join lateral (\
                select r.* from flow_run r where r.deployment_id = d.id and r.state_type = 0 \
                and r.next_scheduled_start_time <= coalesce($2::timestamptz, 'infinity') \
                order by r.next_scheduled_start_time, r.id limit $3) r \
            where d.id = any($1) order by r.next_scheduled_start_time, r.id limit $3",
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

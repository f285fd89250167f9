//! What a served flow asks for: the runs of its deployments that are due.

use std::sync::LazyLock;

use domain::DeploymentId;
use domain::flow_runs::FlowRun;
use wire::Time;

use crate::sql::Columns;
use crate::{Result, Tx};

static SCHEDULED: LazyLock<String> = LazyLock::new(|| {
    format!(
        "select {} from flow_run r where r.deployment_id in (select d.id from deployment d where d.id = any($1)) \
         and r.state_type = 0 and ($2::timestamptz is null or r.next_scheduled_start_time <= $2) \
         order by r.next_scheduled_start_time, r.id limit $3",
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

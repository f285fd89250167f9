//! When the scheduler looks at a schedule next.

use domain::DeploymentId;
use wire::Time;

use crate::{Result, Tx};

/// Whoever changes a deployment or a schedule comes by here before it takes runs away: the pass holds these rows until its
/// runs are there, so that none of them is missed.
const SETTLE: &str = "with gone as (delete from schedule_pass q using deployment_schedule s join deployment d on d.id = s.deployment_id \
    where q.schedule_id = s.id and s.deployment_id = any($1) and (d.paused or not s.active)) \
    insert into schedule_pass as q (schedule_id, next_pass_at) select s.id, now() from deployment_schedule s \
    join deployment d on d.id = s.deployment_id where s.deployment_id = any($1) and s.active and not d.paused order by s.id \
    on conflict (schedule_id) do update set next_pass_at = excluded.next_pass_at";

/// After a change of deployments or their schedules: those that are active are due at once, the others not at all. The
/// rows of the deployments are locked by the caller, or new.
pub(crate) async fn settle(tx: &mut Tx<'_>, deployments: &[DeploymentId]) -> Result<()> {
    tx.run(SETTLE, &[&deployments]).await?;
    tx.falls_due(Some(Time::of_machine()));
    Ok(())
}

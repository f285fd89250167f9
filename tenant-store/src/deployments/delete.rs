//! The end of deployments, and of runs that were made ahead for them.

use domain::DeploymentId;
use domain::events::lifecycle::{self, Action};

use super::told::{self, Told};
use crate::{Result, Tx, concurrency_limits, schedules};

/// Runs of deployments that wait and never began. One that waits for a slot holds its place.
macro_rules! waiting {
    ($more:literal) => {
        concat!(
            "with runs as (delete from flow_run r where r.deployment_id = any($1) and r.state_type = 0 \
             and r.state_name is distinct from 'AwaitingConcurrencySlot' and r.run_count = 0",
            $more,
            " returning r.id), ",
            crate::flow_runs::with_children!(),
            "select 1 from runs"
        )
    };
}

const ALL: &str = waiting!("");
const BY_SCHEDULES: &str = waiting!(" and r.auto_scheduled");
const AHEAD_BY_SCHEDULES: &str = waiting!(" and r.auto_scheduled and r.next_scheduled_start_time > now()");
const DELETE: &str = "with gone as (delete from deployment where id = any($1) returning id), \
    pulses as (delete from pulse where resource_id in (select id from gone)) select id from gone";

/// Which runs go that wait for their time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unscheduled {
    All,
    BySchedules,
    /// Those of them whose time is yet to come.
    AheadBySchedules,
}

/// Deletes runs that wait for their time.
pub(crate) async fn unschedule(tx: &mut Tx<'_>, of: &[DeploymentId], which: Unscheduled) -> Result<()> {
    let text = match which {
        Unscheduled::All => ALL,
        Unscheduled::BySchedules => BY_SCHEDULES,
        Unscheduled::AheadBySchedules => AHEAD_BY_SCHEDULES,
    };
    tx.run(text, &[&of]).await.map(drop)
}

/// Deletes deployments, and their runs that did not begin; which of them there were. Other runs stay and still name them.
pub async fn delete(mut tx: Tx<'_>, ids: &[DeploymentId]) -> Result<Vec<DeploymentId>> {
    let there = told::of(&mut tx, ids).await?;
    schedules::delete_all(&mut tx, ids).await?;
    unschedule(&mut tx, ids, Unscheduled::All).await?;
    for id in ids {
        concurrency_limits::delete_for_deployment(&mut tx, *id).await?;
    }
    let gone: Vec<(DeploymentId,)> = tx.all(DELETE, &[&ids]).await?;
    for Told { deployment, .. } in there.iter().filter(|told| gone.contains(&(told.deployment.id,))) {
        tx.tell(lifecycle::deployments::deployment(Action::Deleted, deployment));
    }
    tx.commit().await?;
    Ok(gone.into_iter().map(|(id,)| id).collect())
}

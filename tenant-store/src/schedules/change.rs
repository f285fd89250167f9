//! The schedules of a deployment that is created or changed. Whoever does that has the deployment's row, and takes away the
//! runs that were made ahead.

use domain::schedules::changes::{Change, Refused, changes};
use domain::schedules::{DeploymentScheduleCreate, DeploymentScheduleUpdate, Schedule};
use domain::stored::Stored;
use domain::{DeploymentId, ScheduleId};
use wire::Time;

use super::due::settle;
use super::rows::{NewRow, insert, narrow};
use crate::{Result, Tx};

/// With their slugs; their deployment is locked.
const SLUGS: &str =
    "select s.id, s.slug from deployment_schedule s where s.deployment_id = $1 order by s.updated desc, s.id desc";
const CHANGE: &str = "update deployment_schedule set active = coalesce($3, active), schedule = coalesce($4, schedule), \
    max_scheduled_runs = coalesce($5, max_scheduled_runs), parameters = $6, slug = coalesce($7, slug), updated = now() \
    where id = $1 and deployment_id = $2";
const NO_SLUGS: &str = "update deployment_schedule set slug = null where id = any($1)";
const DELETE_ALL: &str = "with gone as (delete from deployment_schedule where deployment_id = any($1) returning id) \
    delete from schedule_pass where schedule_id in (select id from gone)";

/// The schedules that came with a deployment, in the place of those it had.
pub(crate) async fn replace(
    tx: &mut Tx<'_>,
    deployment: DeploymentId,
    new: Vec<DeploymentScheduleCreate>,
) -> Result<()> {
    delete_all(tx, &[deployment]).await?;
    insert(tx, deployment, new.into_iter().map(NewRow::of_deployment).collect()).await?;
    settle(tx, &[deployment]).await
}

/// The schedules of an update of a deployment: those with slugs are changed by them, others replace what there was. On a
/// refusal the caller rolls back.
pub(crate) async fn change(
    tx: &mut Tx<'_>,
    deployment: DeploymentId,
    sent: Option<Vec<DeploymentScheduleUpdate>>,
) -> Result<Result<(), Refused>> {
    let existing: Vec<(ScheduleId, Option<String>)> = tx.all(SLUGS, &[&deployment]).await?;
    match changes(&existing, sent) {
        Err(refused) => return Ok(Err(refused)),
        Ok(Change::None) => {}
        Ok(Change::Replace(new)) => {
            delete_all(tx, &[deployment]).await?;
            insert(tx, deployment, new.into_iter().filter_map(NewRow::of_update).collect()).await?;
        }
        Ok(Change::BySlug { renamed, changed, created }) => {
            // A slug that another schedule takes over must be free by then.
            tx.run(NO_SLUGS, &[&renamed]).await?;
            for (id, change) in changed {
                write(tx, deployment, id, change).await?;
            }
            insert(tx, deployment, created.into_iter().filter_map(NewRow::of_update).collect()).await?;
        }
    }
    settle(tx, &[deployment]).await?;
    Ok(Ok(()))
}

/// The schedules of deployments that go.
pub(crate) async fn delete_all(tx: &mut Tx<'_>, deployments: &[DeploymentId]) -> Result<()> {
    tx.run(DELETE_ALL, &[&deployments]).await?;
    Ok(())
}

pub(super) async fn write(
    tx: &mut Tx<'_>,
    deployment: DeploymentId,
    id: ScheduleId,
    change: DeploymentScheduleUpdate,
) -> Result<bool> {
    let DeploymentScheduleUpdate { active, schedule, max_scheduled_runs, parameters, slug, replaces: _ } = change;
    let schedule = schedule.map(|schedule| Stored::<Schedule>::of(&schedule.settled(Time::of_machine())));
    let params: [crate::pool::Param<'_>; 7] =
        [&id, &deployment, &active, &schedule, &narrow(max_scheduled_runs), &parameters, &slug];
    Ok(tx.run(CHANGE, &params).await? == 1)
}

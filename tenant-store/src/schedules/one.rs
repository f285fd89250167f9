//! One schedule, or some more of them, by the operations of schedules. Runs that were made ahead go with each change: they
//! may not be what they should.

use domain::schedules::{DeploymentSchedule, DeploymentScheduleCreate, DeploymentScheduleUpdate};
use domain::{DeploymentId, ScheduleId};

use super::change::write;
use super::due::settle;
use super::rows::{NewRow, insert};
use crate::deployments::{Unscheduled, unschedule};
use crate::{Error, Result, Tx};

const LOCK: &str = "select true from deployment where id = $1 for no key update";
const DELETE: &str = "with gone as (delete from deployment_schedule where id = $1 and deployment_id = $2 returning id), \
    passes as (delete from schedule_pass where schedule_id in (select id from gone)) select count(*) from gone";

/// Why schedules were not changed.
#[derive(Debug, Clone, PartialEq)]
pub enum NotChanged {
    NoDeployment,
    NoSchedule,
    /// Two schedules of a deployment would have one slug.
    SlugTaken,
}

type Outcome<T> = Result<Result<T, NotChanged>>;

/// Takes the deployment's row; `false`, and no transaction, when there is none.
async fn lock(tx: &mut Tx<'_>, deployment: DeploymentId) -> Result<bool> {
    Ok(tx.opt::<(bool,)>(LOCK, &[&deployment]).await?.is_some())
}

fn taken<T>(done: Result<T>) -> Outcome<T> {
    match done {
        Err(Error::Conflict(text)) if text.contains("deployment_schedule_slug") => Ok(Err(NotChanged::SlugTaken)),
        done => Ok(Ok(done?)),
    }
}

/// New schedules of a deployment.
pub async fn create_for(
    mut tx: Tx<'_>,
    deployment: DeploymentId,
    new: Vec<DeploymentScheduleCreate>,
) -> Outcome<Vec<DeploymentSchedule>> {
    if !lock(&mut tx, deployment).await? {
        tx.rollback().await?;
        return Ok(Err(NotChanged::NoDeployment));
    }
    match taken(insert(&mut tx, deployment, new.into_iter().map(NewRow::of).collect()).await)? {
        Ok(made) => {
            settle(&mut tx, &[deployment]).await?;
            tx.commit().await?;
            Ok(Ok(made))
        }
        Err(refused) => {
            tx.rollback().await?;
            Ok(Err(refused))
        }
    }
}

/// Changes a schedule, whose runs ahead go.
pub async fn change_one(
    mut tx: Tx<'_>,
    deployment: DeploymentId,
    id: ScheduleId,
    change: DeploymentScheduleUpdate,
) -> Outcome<()> {
    let refused = match lock(&mut tx, deployment).await? {
        false => Some(NotChanged::NoDeployment),
        true => match taken(write(&mut tx, deployment, id, change).await)? {
            Ok(true) => None,
            Ok(false) => Some(NotChanged::NoSchedule),
            Err(refused) => Some(refused),
        },
    };
    if let Some(refused) = refused {
        tx.rollback().await?;
        return Ok(Err(refused));
    }
    settle(&mut tx, &[deployment]).await?;
    unschedule(&mut tx, &[deployment], Unscheduled::AheadBySchedules).await?;
    tx.commit().await?;
    Ok(Ok(()))
}

/// Deletes a schedule. Runs that schedules of the deployment made go, also those that are late.
pub async fn delete_one(mut tx: Tx<'_>, deployment: DeploymentId, id: ScheduleId) -> Outcome<()> {
    let refused = match lock(&mut tx, deployment).await? {
        false => Some(NotChanged::NoDeployment),
        true => {
            // First, so that a pass over them comes to its end: `settle`.
            settle(&mut tx, &[deployment]).await?;
            let (gone,): (i64,) = tx.one(DELETE, &[&id, &deployment]).await?;
            (gone == 0).then_some(NotChanged::NoSchedule)
        }
    };
    if let Some(refused) = refused {
        tx.rollback().await?;
        return Ok(Err(refused));
    }
    unschedule(&mut tx, &[deployment], Unscheduled::BySchedules).await?;
    tx.commit().await?;
    Ok(Ok(()))
}

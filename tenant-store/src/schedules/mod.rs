//! Schedules of deployments: all SQL of the resource, by what is done with them.

mod change;
mod due;
mod one;
mod plans;
mod rows;
mod runs;

use domain::DeploymentId;
use domain::schedules::DeploymentSchedule;

use crate::{Result, Tx, row};

pub(crate) use change::{change, delete_all, replace};
pub(crate) use due::settle;
pub use one::{NotChanged, change_one, create_for, delete_one};
#[cfg(test)]
pub(crate) use plans::DUE;
pub use plans::{Plans, Span, due, planned};
#[cfg(test)]
pub(crate) use runs::{LOCKED, NEXT};
pub use runs::{Passed, make_due, make_now};

row! { DeploymentSchedule:
    id "s.id",
    created "s.created",
    updated "s.updated",
    deployment_id "s.deployment_id",
    schedule "s.schedule",
    active "s.active",
    max_scheduled_runs "s.max_scheduled_runs",
    parameters "s.parameters",
    slug "s.slug",
}

const OF: &str = "select s.id, s.created, s.updated, s.deployment_id, s.schedule, s.active, s.max_scheduled_runs, s.parameters, s.slug \
    from deployment_schedule s where s.deployment_id = any($1) order by s.updated desc, s.id desc";
const DEPLOYMENT: &str = "select true from deployment where id = $1";

/// The schedules of deployments, of each those first that changed last.
pub async fn of(tx: &mut Tx<'_>, deployments: &[DeploymentId]) -> Result<Vec<DeploymentSchedule>> {
    match deployments.is_empty() {
        true => Ok(Vec::new()),
        false => tx.all(OF, &[&deployments]).await,
    }
}

/// The schedules of a deployment; `None` when there is no such deployment.
pub async fn list(tx: &mut Tx<'_>, deployment: DeploymentId) -> Result<Option<Vec<DeploymentSchedule>>> {
    let schedules = of(tx, &[deployment]).await?;
    if schedules.is_empty() && tx.opt::<(bool,)>(DEPLOYMENT, &[&deployment]).await?.is_none() {
        return Ok(None);
    }
    Ok(Some(schedules))
}

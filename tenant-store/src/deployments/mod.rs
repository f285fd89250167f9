//! Deployments: all SQL of the resource, by what is done with them. What may be asked of them is in [`filter`].

mod columns;
mod create;
mod delete;
mod filter;
pub(crate) mod job_variables;
mod limit;
mod list;
mod poll;
mod row;
mod runs;
mod told;
mod update;

use std::sync::LazyLock;

use domain::DeploymentId;
use domain::deployments::Deployment;

use row::Bare;

use crate::sql::Columns;
use crate::{Result, Tx};

pub use create::{NotCreated, create};
pub use delete::delete;
pub(crate) use delete::{Unscheduled, unschedule};
pub use filter::{DeploymentFilter, DeploymentSort};
pub use job_variables::{Unfit, blocks};
#[cfg(test)]
pub(crate) use list::statements;
pub use list::{count, count_by_flow, list};
#[cfg(test)]
pub(crate) use poll::poll_statement;
pub use poll::scheduled_runs;
pub use runs::{NoRun, RunMade, create_run};
pub(crate) use told::named_of;
pub use update::{NotUpdated, pause, resume, update};

/// Which deployment is meant.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    Id(DeploymentId),
    Name { flow: &'a str, deployment: &'a str },
}

static READ: LazyLock<String> =
    LazyLock::new(|| format!("select {} from deployment d where d.id = $1", Deployment::COLUMNS));
static BY_NAME: LazyLock<String> = LazyLock::new(|| {
    format!(
        "select {} from deployment d where d.name = $2 and d.flow_id = (select f.id from flow f where f.name = $1)",
        Deployment::COLUMNS
    )
});

pub async fn read(tx: &mut Tx<'_>, which: Which<'_>) -> Result<Option<Deployment>> {
    let found: Option<Bare> = match which {
        Which::Id(id) => tx.opt(READ.as_str(), &[&id]).await?,
        Which::Name { flow, deployment } => tx.opt(BY_NAME.as_str(), &[&flow, &deployment]).await?,
    };
    Ok(row::whole(tx, found.into_iter().collect()).await?.pop())
}

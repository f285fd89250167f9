//! Changes of a flow run that are no changes of state, and its end.

use domain::FlowRunId;
use domain::flow_runs::FlowRunUpdate;
use domain::job_variables::Checks;
use domain::json_schema::Budget;
use domain::labels::Labels;
use domain::slug::slug;
use domain::state::StateType;
use domain::stored::Stored;
use wire::{Patch, RawObject};

use crate::artifacts::{self, Gone};
use crate::concurrency_limits::leases;
use crate::deployments::Unfit;
use crate::deployments::job_variables::{blocks, fit};
use crate::encryption::KeyRing;
use crate::{Result, Tx};

const UPDATE: &str = "update flow_run set \
    name = case when $2 then $3 else name end, \
    flow_version = case when $4 then $5 else flow_version end, \
    parameters = case when $6 then $7 else parameters end, \
    empirical_policy = case when $8 then $9 else empirical_policy end, \
    tags = case when $10 then $11 else tags end, \
    infrastructure_pid = case when $12 then $13 else infrastructure_pid end, \
    job_variables = case when $14 then $15 else job_variables end, \
    updated = now() where id = $1";
const SCHEDULED: &str = "select r.state_type, d.id is not null, p.base_job_template, d.job_variables from flow_run r \
    left join deployment d on d.id = r.deployment_id left join work_queue q on q.id = d.work_queue_id \
    left join work_pool p on p.id = q.work_pool_id where r.id = $1 for update of r";
const LABELS: &str = "select labels from flow_run where id = $1 for update";
const SET_LABELS: &str = "update flow_run set labels = $2, updated = now() where id = $1";

/// Its task runs, states, inputs and logs go with a run; subflows stay, without their parent.
const DELETE: &str = concat!(
    "with runs as (delete from flow_run where id = any($1) returning id), ",
    crate::flow_runs::with_children!(),
    "select id from runs"
);

/// What became of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum Updated {
    Done,
    NoRun,
    /// Job variables change only while a run is SCHEDULED, and this is what it is.
    NotScheduled(Option<StateType>),
    /// Job variables are those of a deployment, and there is none.
    NoDeployment,
    /// Job variables do not go with the template of the deployment's pool.
    JobVariables(Unfit),
}

pub async fn update(mut tx: Tx<'_>, id: FlowRunId, change: FlowRunUpdate, ring: &KeyRing) -> Result<Updated> {
    let FlowRunUpdate { name, flow_version, parameters, empirical_policy, tags, infrastructure_pid, job_variables } =
        change;
    if let Patch::Set(Some(variables)) = &job_variables {
        type Found = (Option<StateType>, bool, Option<RawObject>, Option<RawObject>);
        let found: Option<Found> = tx.opt(SCHEDULED, &[&id]).await?;
        let refused = match found {
            None => Some(Updated::NoRun),
            Some((Some(StateType::Scheduled), true, Some(template), Some(deployment))) => {
                let blocks = blocks(&mut tx, &template, ring).await?;
                let fits = blocks.and_then(|blocks| {
                    fit(&template, &blocks, &[&deployment, variables], Checks::Run, &mut Budget::default())
                });
                fits.err().map(Updated::JobVariables)
            }
            Some((Some(StateType::Scheduled), true, ..)) => None,
            Some((Some(StateType::Scheduled), false, ..)) => Some(Updated::NoDeployment),
            Some((state, ..)) => Some(Updated::NotScheduled(state)),
        };
        if let Some(refused) = refused {
            tx.rollback().await?;
            return Ok(refused);
        }
    }
    let new_name = name.value().map(|name| name.clone().unwrap_or_else(|| slug(rand::random())));
    let policy = empirical_policy.value().map(Stored::of);
    let changed = tx
        .last_run(
            UPDATE,
            &[
                &id,
                &name.is_set(),
                &new_name,
                &flow_version.is_set(),
                &flow_version.value().and_then(Option::as_ref),
                &parameters.is_set(),
                &parameters.value(),
                &empirical_policy.is_set(),
                &policy,
                &tags.is_set(),
                &tags.value(),
                &infrastructure_pid.is_set(),
                &infrastructure_pid.value().and_then(Option::as_ref),
                &job_variables.is_set(),
                &job_variables.value().and_then(Option::as_ref),
            ],
        )
        .await?;
    Ok(if changed == 1 { Updated::Done } else { Updated::NoRun })
}

/// Puts labels over those a run has; whether there is such a run.
pub async fn merge_labels(mut tx: Tx<'_>, id: FlowRunId, newer: &Labels) -> Result<bool> {
    let Some((labels,)) = tx.opt::<(Labels,)>(LABELS, &[&id]).await? else {
        tx.rollback().await?;
        return Ok(false);
    };
    Ok(tx.last_run(SET_LABELS, &[&id, &labels.merged(newer)]).await? == 1)
}

/// Deletes runs with what belongs to them; which of them there were.
pub async fn delete(mut tx: Tx<'_>, ids: &[FlowRunId]) -> Result<Vec<FlowRunId>> {
    leases::release_runs(&mut tx, ids).await?;
    artifacts::delete_with(&mut tx, Gone::FlowRuns(ids)).await?;
    let gone: Vec<(FlowRunId,)> = tx.all(DELETE, &[&ids]).await?;
    tx.commit().await?;
    Ok(gone.into_iter().map(|(id,)| id).collect())
}

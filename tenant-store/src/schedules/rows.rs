//! New schedules as rows: columns of arrays.

use domain::schedules::{
    DeploymentSchedule, DeploymentScheduleCreate, DeploymentScheduleUpdate, NewSchedule, Schedule,
};
use domain::stored::Stored;
use domain::{DeploymentId, ScheduleId};
use wire::{RawObject, Time};

use crate::{Result, Tx};

/// One later than the other: the last of the list is the one that changed last.
const INSERT: &str = "insert into deployment_schedule as s (id, created, updated, deployment_id, slug, active, schedule, \
    max_scheduled_runs, parameters) select u.id, clock_timestamp() + u.at * interval '1 microsecond', \
    clock_timestamp() + u.at * interval '1 microsecond', $1, u.slug, u.active, u.schedule, u.runs, u.parameters \
    from unnest($2::uuid[], $3::text[], $4::boolean[], $5::json[], $6::integer[], $7::json[]) \
    with ordinality as u(id, slug, active, schedule, runs, parameters, at) \
    returning s.id, s.created, s.updated, s.deployment_id, s.schedule, s.active, s.max_scheduled_runs, s.parameters, s.slug";

/// A schedule about to be written.
#[derive(Debug, Clone)]
pub struct NewRow {
    pub slug: Option<String>,
    pub active: bool,
    pub schedule: NewSchedule,
    pub max_scheduled_runs: Option<i32>,
    pub parameters: RawObject,
}

impl NewRow {
    pub fn of(new: DeploymentScheduleCreate) -> Self {
        let DeploymentScheduleCreate { active, schedule, max_scheduled_runs, parameters, slug, replaces: _ } = new;
        Self { slug, active, schedule, max_scheduled_runs: narrow(max_scheduled_runs), parameters }
    }

    /// A schedule that comes with a deployment. The reference loses how many runs it may have.
    pub fn of_deployment(new: DeploymentScheduleCreate) -> Self {
        Self { max_scheduled_runs: None, ..Self::of(new) }
    }

    /// `None` without a schedule.
    pub fn of_update(change: DeploymentScheduleUpdate) -> Option<Self> {
        let DeploymentScheduleUpdate { active, schedule, parameters, slug, .. } = change;
        Some(Self { slug, active: active.unwrap_or(true), schedule: schedule?, max_scheduled_runs: None, parameters })
    }
}

/// At most 50.
pub fn narrow(runs: Option<i64>) -> Option<i32> {
    runs.and_then(|runs| i32::try_from(runs).ok())
}

/// In the order of the rows. A slug that the deployment has is a conflict.
pub async fn insert(tx: &mut Tx<'_>, of: DeploymentId, rows: Vec<NewRow>) -> Result<Vec<DeploymentSchedule>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let now = Time::of_machine();
    let (mut ids, mut slugs, mut active) = (Vec::new(), Vec::new(), Vec::new());
    let (mut schedules, mut runs, mut parameters) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        ids.push(ScheduleId::new(now));
        slugs.push(row.slug);
        active.push(row.active);
        schedules.push(Stored::<Schedule>::of(&row.schedule.settled(now)));
        runs.push(row.max_scheduled_runs);
        parameters.push(row.parameters);
    }
    tx.all(INSERT, &[&of, &ids, &slugs, &active, &schedules, &runs, &parameters]).await
}

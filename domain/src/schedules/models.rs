//! The schedules of a deployment as they cross the API.

use serde::Serialize;
use wire::{Errors, Input, Json, Output, RawObject, Time};

use super::{NewSchedule, Schedule};
use crate::policies::refuse;
use crate::stored::Stored;
use crate::{DeploymentId, ScheduleId};

/// What `max_scheduled_runs` may be at most.
pub const MOST_SCHEDULED_RUNS: i64 = 50;

/// A schedule of a deployment.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct DeploymentSchedule {
    pub id: ScheduleId,
    pub created: Time,
    pub updated: Time,
    /// The deployment id associated with this schedule.
    pub deployment_id: DeploymentId,
    /// The schedule for the deployment.
    pub schedule: Stored<Schedule>,
    /// Whether or not the schedule is active.
    pub active: bool,
    /// The maximum number of scheduled runs for the schedule.
    pub max_scheduled_runs: Option<i32>,
    /// A dictionary of parameter value overrides.
    pub parameters: RawObject,
    /// A unique slug for the schedule.
    pub slug: Option<String>,
}

/// Data used by the Prefect REST API to create a schedule of a deployment.
#[derive(Debug, Clone, PartialEq, Input)]
#[input(forbid_extra)]
pub struct DeploymentScheduleCreate {
    /// Whether or not the schedule is active.
    #[input(default = true)]
    pub active: bool,
    /// The schedule for the deployment.
    pub schedule: NewSchedule,
    /// The maximum number of scheduled runs for the schedule.
    #[input(default, with = max_scheduled_runs)]
    pub max_scheduled_runs: Option<i64>,
    /// A dictionary of parameter value overrides.
    #[input(default)]
    pub parameters: RawObject,
    /// A unique identifier for the schedule.
    pub slug: Option<String>,
    /// The slug of an existing schedule that this schedule replaces. Used for renaming slugs.
    pub replaces: Option<String>,
}

/// Data used by the Prefect REST API to update a schedule of a deployment. Null, and what is absent, is left alone; but
/// parameters that are absent become none.
#[derive(Debug, Clone, PartialEq, Input)]
#[input(forbid_extra)]
pub struct DeploymentScheduleUpdate {
    /// Whether or not the schedule is active.
    pub active: Option<bool>,
    /// The schedule for the deployment.
    pub schedule: Option<NewSchedule>,
    /// The maximum number of scheduled runs for the schedule.
    #[input(default, with = max_scheduled_runs)]
    pub max_scheduled_runs: Option<i64>,
    /// A dictionary of parameter value overrides.
    #[input(default)]
    pub parameters: RawObject,
    /// A unique identifier for the schedule.
    pub slug: Option<String>,
    /// The slug of an existing schedule that this schedule replaces. Used for renaming slugs.
    pub replaces: Option<String>,
}

fn max_scheduled_runs(value: &Json<'_>, errors: &mut Errors) -> Option<Option<i64>> {
    let Some(runs) = Option::<i64>::parse(value, errors)? else { return Some(None) };
    wire::check::gt(&runs, 0, value, errors)?;
    if runs > MOST_SCHEDULED_RUNS {
        let why = format!("`max_scheduled_runs` must be less than or equal to {MOST_SCHEDULED_RUNS}.");
        refuse(value, &why, errors);
        return None;
    }
    Some(Some(runs))
}

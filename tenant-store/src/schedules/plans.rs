//! Which dates schedules are to have runs for. How long that takes to count is up to whoever wrote them, so it is counted
//! between two transactions, a schedule at a time, and others have their turn in between.

use std::collections::HashMap;

use domain::schedules::{Demand, Horizon, Schedule};
use domain::stored::Stored;
use domain::{DeploymentId, ScheduleId};
use wire::Time;

use crate::{Result, Tx};

/// Schedules of one step.
pub const STEP: i64 = 50;

/// Those without an active schedule are left over.
pub(crate) const DUE: &str = "select q.schedule_id, s.schedule from schedule_pass q \
    left join deployment_schedule s on s.id = q.schedule_id where q.next_pass_at <= $1 order by q.next_pass_at limit $2";
const NOW: &str = "select clock_timestamp(), true from deployment where id = $1";
const ACTIVE: &str = "select s.id, s.schedule from deployment_schedule s where s.deployment_id = $1 and s.active";

type Found = (ScheduleId, Option<Stored<Schedule>>);

/// What is to be made for schedules as they were when they were read.
#[derive(Debug, Default)]
pub struct Plans {
    /// When the dates were told.
    pub now: Time,
    pub(super) of: HashMap<ScheduleId, Plan>,
}

#[derive(Debug)]
pub(super) struct Plan {
    pub of: Option<Stored<Schedule>>,
    /// The dates, and when to look again; or why there are none.
    pub dates: Result<(Vec<Time>, Time), String>,
}

impl Plans {
    /// Whether nothing is to be made.
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// Whether there may be others that are due.
    pub fn are_more(&self) -> bool {
        self.of.len() as i64 == STEP
    }

    async fn told(now: Time, found: Vec<Found>, tell: impl Fn(&Schedule) -> Result<(Vec<Time>, Time), String>) -> Self {
        let mut of = HashMap::with_capacity(found.len());
        for (id, schedule) in found {
            let dates = match &schedule {
                None => Err("it is gone".to_owned()),
                Some(stored) => stored.parse().map_err(|error| error.to_string()).and_then(|schedule| tell(&schedule)),
            };
            of.insert(id, Plan { of: schedule, dates });
            tokio::task::yield_now().await;
        }
        Self { now, of }
    }
}

/// The plans of some schedules that are due.
pub async fn due(mut tx: Tx<'_>, now: Time, horizon: &Horizon) -> Result<Plans> {
    let found: Vec<Found> = tx.all(DUE, &[&now, &STEP]).await?;
    drop(tx);
    let plan = |schedule: &Schedule| horizon.plan(schedule, now).map_err(|error| error.to_string());
    Ok(Plans::told(now, found, plan).await)
}

/// A span that runs are to be made for. What is absent is as the scheduler has it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Span {
    pub start: Option<Time>,
    pub end: Option<Time>,
    /// Seconds.
    pub min_time: Option<f64>,
    pub min_runs: Option<i64>,
    pub max_runs: Option<i64>,
}

impl Span {
    fn demand(&self, now: Time, horizon: &Horizon) -> Demand {
        let horizon = Horizon {
            max_runs: self.max_runs.unwrap_or(horizon.max_runs),
            min_runs: self.min_runs.unwrap_or(horizon.min_runs),
            min_scheduled_time: self.min_time.unwrap_or(horizon.min_scheduled_time),
            ..*horizon
        };
        let start = self.start.unwrap_or(now);
        match self.end {
            Some(end) => horizon.between(start, end),
            None => horizon.demand(start),
        }
    }
}

/// The plans of a deployment's active schedules for a span, also in the past; none where there is no such deployment. What
/// has no dates fails the whole, with the reason.
pub async fn planned(
    mut tx: Tx<'_>,
    deployment: DeploymentId,
    span: &Span,
    horizon: &Horizon,
) -> Result<Result<Plans, String>> {
    let Some((now, _)) = tx.opt::<(Time, bool)>(NOW, &[&deployment]).await? else { return Ok(Ok(Plans::default())) };
    let found: Vec<Found> = tx.all(ACTIVE, &[&deployment]).await?;
    drop(tx);
    let demand = span.demand(now, horizon);
    let tell = |schedule: &Schedule| Ok((schedule.dates(&demand).map_err(|error| error.to_string())?, now));
    let plans = Plans::told(now, found, tell).await;
    match plans.of.values().find_map(|plan| plan.dates.as_ref().err()) {
        Some(why) => Ok(Err(why.clone())),
        None => Ok(Ok(plans)),
    }
}

//! Runs that schedules make ahead (reference: `services/scheduler.py`). They are made once whatever the number of replicas:
//! a replica holds what it makes runs for, and a date has one key. A schedule that was changed since its dates were told
//! ([`super::plans`]) is left to the next pass.

use std::collections::HashSet;

use domain::flow_runs::CreatedBy;
use domain::labels::Labels;
use domain::run::FlowRunPolicy;
use domain::schedules::{Schedule, idempotency_key};
use domain::slug::slug;
use domain::state::State;
use domain::stored::Stored;
use domain::{DeploymentId, FlowId, FlowRunId, ScheduleId, StateId};
use serde_json::{Map, Value};
use tokio_postgres::Row;
use wire::{RawJson, RawObject, Time};

use super::plans::{Plan, Plans};
use crate::pool::FromRow;
use crate::{Result, Tx};

/// Seconds until a schedule is looked at again that has no dates because it cannot be counted.
const AFTER_FAILURE: f64 = 3_600.0;

/// What its runs take from a schedule and its deployment, and which dates have one already.
macro_rules! source {
    () => {
        "s.id, s.schedule, s.parameters, s.slug, d.id, d.flow_id, d.parameters, d.tags, d.labels, \
         array(select r.next_scheduled_start_time from flow_run r where r.schedule_id = s.id and r.state_type = 0 \
         and r.next_scheduled_start_time >= $1)"
    };
}

/// Rows without an active schedule are left over.
pub(crate) const LOCKED: &str = concat!(
    "select q.schedule_id, q.next_pass_at, coalesce(s.active and not d.paused, false), ",
    source!(),
    " from schedule_pass q left join deployment_schedule s on s.id = q.schedule_id left join deployment d on d.id = s.deployment_id \
     where q.schedule_id = any($2) and q.next_pass_at <= $1 order by q.next_pass_at for update of q skip locked"
);
pub(crate) const NEXT: &str = "select min(next_pass_at) from schedule_pass";
const SET_NEXT: &str = "update schedule_pass q set next_pass_at = u.next from unnest($1::uuid[], $2::timestamptz[]) u(id, next) \
    where q.schedule_id = u.id";
const FORGET: &str = "delete from schedule_pass where schedule_id = any($1)";
const HOLD: &str = "select true from deployment where id = $1 for no key update";
const OF_DEPLOYMENT: &str = concat!(
    "select s.id, s.created, true, ",
    source!(),
    " from deployment_schedule s join deployment d on d.id = s.deployment_id where s.deployment_id = $2 and s.active \
     order by s.updated desc, s.id desc"
);

const INSERT: &str = "with r as (insert into flow_run as r (id, name, flow_id, deployment_id, deployment_version, work_queue_id, work_queue_name, \
        schedule_id, idempotency_key, auto_scheduled, parameters, empirical_policy, tags, labels, job_variables, \
        infrastructure_document_id, created_by, state_id, state_type, state_name, state_timestamp, state, \
        expected_start_time, next_scheduled_start_time) \
        select u.id, u.name, d.flow_id, d.id, d.version, d.work_queue_id, d.work_queue_name, s.id, u.key, true, p.parameters, $12::json, \
        array['auto-scheduled'] || d.tags, p.labels, '{}', d.infrastructure_document_id, p.created_by, u.state_id, 0, 'Scheduled', \
        $13::timestamptz, u.state, u.date, u.date \
        from unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[], $5::text[], $6::uuid[], $7::json[]) \
            u(id, name, schedule_id, date, key, state_id, state) \
        join unnest($8::uuid[], $9::json[], $10::json[], $11::json[]) p(schedule_id, parameters, labels, created_by) \
            on p.schedule_id = u.schedule_id \
        join deployment_schedule s on s.id = p.schedule_id join deployment d on d.id = s.deployment_id \
        on conflict (flow_id, idempotency_key) where idempotency_key is not null do nothing \
        returning r.id, r.state_id, r.state_timestamp, r.state), \
     states as (insert into run_state (id, run_id, kind, timestamp, state) \
        select r.state_id, r.id, 0, r.state_timestamp, r.state from r) \
     select count(*) from r";

/// A schedule that makes runs.
struct Source {
    id: ScheduleId,
    schedule: Stored<Schedule>,
    parameters: RawObject,
    slug: Option<String>,
    deployment: DeploymentId,
    flow: FlowId,
    deployment_parameters: RawObject,
    labels: Labels,
    /// Dates that have a run.
    taken: Vec<Time>,
}

impl Source {
    /// What is planned for it, if it is what it was.
    fn plan<'p>(&self, plans: &'p Plans) -> Option<&'p Plan> {
        plans.of.get(&self.id).filter(|plan| plan.of.as_ref() == Some(&self.schedule))
    }
}

struct Due {
    id: ScheduleId,
    at: Time,
    /// `None`: it makes none any more.
    source: Option<Source>,
}

impl FromRow for Due {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let active: bool = row.try_get(2)?;
        let source = match active {
            false => None,
            true => Some(Source {
                id: row.try_get(3)?,
                schedule: row.try_get(4)?,
                parameters: row.try_get(5)?,
                slug: row.try_get(6)?,
                deployment: row.try_get(7)?,
                flow: row.try_get(8)?,
                deployment_parameters: row.try_get(9)?,
                labels: row.try_get(11)?,
                taken: row.try_get(12)?,
            }),
        };
        Ok(Self { id: row.try_get(0)?, at: row.try_get(1)?, source })
    }
}

/// What a step came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Passed {
    /// When the schedules were due that were looked at.
    pub due: Vec<Time>,
    /// Runs that were made.
    pub runs: u64,
    /// When the next schedule is due.
    pub next: Option<Time>,
    /// Schedules whose dates cannot be counted, and why.
    pub failed: Vec<(ScheduleId, String)>,
}

/// Makes the runs that are planned of schedules that are still due.
pub async fn make_due(mut tx: Tx<'_>, plans: &Plans) -> Result<Passed> {
    let (now, planned): (Time, Vec<ScheduleId>) = (plans.now, plans.of.keys().copied().collect());
    let due: Vec<Due> = match planned.is_empty() {
        true => Vec::new(),
        false => tx.all(LOCKED, &[&now, &planned]).await?,
    };
    let mut passed = Passed { due: due.iter().map(|due| due.at).collect(), ..Passed::default() };
    let (mut ids, mut nexts, mut over) = (Vec::new(), Vec::new(), Vec::new());
    let mut runs = NewRuns::default();
    for Due { id, source, .. } in due {
        let Some(source) = source else {
            over.push(id);
            continue;
        };
        let Some(plan) = source.plan(plans) else { continue };
        ids.push(id);
        match &plan.dates {
            Ok((dates, next)) => {
                nexts.push(*next);
                runs.add(&source, dates, now)?;
            }
            Err(why) => {
                nexts.push(now.plus_seconds(AFTER_FAILURE));
                passed.failed.push((id, why.clone()));
            }
        }
    }
    passed.runs = runs.insert(&mut tx, now).await?;
    if !ids.is_empty() {
        tx.run(SET_NEXT, &[&ids, &nexts]).await?;
    }
    if !over.is_empty() {
        tx.run(FORGET, &[&over]).await?;
    }
    let (next,): (Option<Time>,) = tx.last_one(NEXT, &[]).await?;
    passed.next = next;
    Ok(passed)
}

/// Makes the runs that are planned of a deployment's schedules; how many there were.
pub async fn make_now(mut tx: Tx<'_>, deployment: DeploymentId, plans: &Plans) -> Result<u64> {
    tx.opt::<(bool,)>(HOLD, &[&deployment]).await?;
    let dates = plans.of.values().filter_map(|plan| plan.dates.as_ref().ok());
    let earliest = dates.filter_map(|(dates, _)| dates.iter().min()).min().copied().unwrap_or(plans.now);
    let sources: Vec<Due> = tx.all(OF_DEPLOYMENT, &[&earliest, &deployment]).await?;
    let mut runs = NewRuns::default();
    for source in sources.into_iter().filter_map(|due| due.source) {
        if let Some(Plan { dates: Ok((dates, _)), .. }) = source.plan(plans) {
            runs.add(&source, dates, plans.now)?;
        }
    }
    let made = runs.insert(&mut tx, plans.now).await?;
    tx.commit().await?;
    Ok(made)
}

/// Runs about to be inserted, as columns; and once for each schedule what its runs have in common.
#[derive(Default)]
struct NewRuns {
    ids: Vec<FlowRunId>,
    names: Vec<String>,
    schedules: Vec<ScheduleId>,
    dates: Vec<Time>,
    keys: Vec<String>,
    state_ids: Vec<StateId>,
    states: Vec<Stored<State>>,
    sources: Vec<ScheduleId>,
    parameters: Vec<RawObject>,
    labels: Vec<Labels>,
    created_by: Vec<Stored<CreatedBy>>,
}

impl NewRuns {
    fn add(&mut self, source: &Source, dates: &[Time], now: Time) -> Result<()> {
        let Source { id, slug: name, deployment, flow, .. } = source;
        let taken: HashSet<Time> = source.taken.iter().copied().collect();
        let missing: Vec<Time> = dates.iter().copied().filter(|date| !taken.contains(date)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let schedule = source.schedule.parse().map_err(crate::Error::internal)?;
        for date in missing {
            let state_id = StateId::new(now);
            let mut state = State::scheduled(state_id, now, date);
            state.message = Some("Flow run scheduled".to_owned());
            self.ids.push(FlowRunId::new(now));
            self.names.push(slug(rand::random()));
            self.schedules.push(*id);
            self.dates.push(date);
            self.keys.push(idempotency_key(*deployment, *id, &schedule.written(date)));
            self.state_ids.push(state_id);
            self.states.push(Stored::of(&state));
        }
        let system = [("prefect.flow.id", flow.to_string()), ("prefect.deployment.id", deployment.to_string())];
        let system: Map<String, Value> =
            system.into_iter().map(|(key, value)| (key.to_owned(), Value::String(value))).collect();
        // An empty slug is none, as in Python.
        let made_by = name.as_deref().filter(|name| !name.is_empty()).unwrap_or(schedule.class());
        self.sources.push(*id);
        self.parameters.push(merged(&source.deployment_parameters, &source.parameters));
        self.labels.push(source.labels.merged(&Labels::of(&system)));
        self.created_by.push(Stored::of(&CreatedBy {
            id: Some(id.0),
            type_: Some("SCHEDULE".to_owned()),
            display_value: Some(made_by.to_owned()),
        }));
        Ok(())
    }

    async fn insert(&self, tx: &mut Tx<'_>, now: Time) -> Result<u64> {
        if self.ids.is_empty() {
            return Ok(0);
        }
        let policy = Stored::of(&FlowRunPolicy::default());
        let params: [crate::pool::Param<'_>; 13] = [
            &self.ids,
            &self.names,
            &self.schedules,
            &self.dates,
            &self.keys,
            &self.state_ids,
            &self.states,
            &self.sources,
            &self.parameters,
            &self.labels,
            &self.created_by,
            &policy,
            &now,
        ];
        let (made,): (i64,) = tx.one(INSERT, &params).await?;
        Ok(made.unsigned_abs())
    }
}

/// The parameters of a deployment with those of its schedule over them.
fn merged(deployment: &RawObject, schedule: &RawObject) -> RawObject {
    match (deployment.0.to_value(), schedule.0.to_value()) {
        (Value::Object(mut all), Value::Object(own)) => {
            all.extend(own);
            RawObject(RawJson::of(&all))
        }
        _ => deployment.clone(),
    }
}

//! `/deployments/{id}/schedules` and `/deployments/{id}/schedule`: when runs of a deployment are made, and making them
//! (reference: `server/api/deployments.py`).

use domain::schedules::{DeploymentSchedule, DeploymentScheduleCreate, DeploymentScheduleUpdate, countable};
use domain::{DeploymentId, ScheduleId};
use tenant_store::schedules::{self, NotChanged, Span};
use wire::{Input, PlainTime};

use crate::kit::{Call, Created, Failure, Json, JsonBody, NoContent, Op, Path, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    GET "/deployments/{id}/schedules" list(Path<DeploymentId>) -> Json<Vec<DeploymentSchedule>>,
        need Workspace(SeeDeployments), lane Read, cost One, cache Kind(Deployments), touches [], audit Nothing;
    POST "/deployments/{id}/schedules" create(Path<DeploymentId>, JsonBody<Vec<DeploymentScheduleCreate>>) -> Created<Vec<DeploymentSchedule>>,
        need Workspace(WriteDeployments), lane Hot, cost One, cache Never, touches [Deployments], audit Nothing;
    PATCH "/deployments/{id}/schedules/{schedule_id}" update(Path<(DeploymentId, ScheduleId)>, JsonBody<DeploymentScheduleUpdate>) -> NoContent,
        need Workspace(WriteDeployments), lane Hot, cost One, cache Never, touches [Deployments, FlowRuns, TaskRuns, Logs], audit Nothing;
    DELETE "/deployments/{id}/schedules/{schedule_id}" delete(Path<(DeploymentId, ScheduleId)>) -> NoContent,
        need Workspace(WriteDeployments), lane Hot, cost One, cache Never, touches [Deployments, FlowRuns, TaskRuns, Logs], audit Nothing;
    POST "/deployments/{id}/schedule" schedule(Path<DeploymentId>, JsonBody<ScheduleSpan>) -> Json<()>,
        need Workspace(RunDeployments), lane Hot, cost One, cache Never, touches [FlowRuns, TaskRuns], audit Nothing;
];

/// A span that runs are made for.
#[derive(Debug, Input)]
#[input(parameters)]
struct ScheduleSpan {
    /// The earliest date to schedule
    start_time: Option<PlainTime>,
    /// The latest date to schedule
    end_time: Option<PlainTime>,
    /// Runs will be scheduled until at least this long after the `start_time`, in seconds
    min_time: Option<f64>,
    /// The minimum number of runs to schedule
    min_runs: Option<i64>,
    /// The maximum number of runs to schedule
    max_runs: Option<i64>,
}

fn no_deployment() -> Failure {
    Failure::not_found("Deployment not found.")
}

fn not_changed(why: NotChanged) -> Failure {
    match why {
        NotChanged::NoDeployment => no_deployment(),
        NotChanged::NoSchedule => Failure::not_found("Schedule not found."),
        NotChanged::SlugTaken => Failure::conflict("Schedule slugs must be unique within a deployment."),
    }
}

async fn list(cx: Call, id: Path<DeploymentId>) -> Reply<Json<Vec<DeploymentSchedule>>> {
    schedules::list(&mut cx.read().await?, *id).await?.map(Json).ok_or_else(no_deployment)
}

async fn create(
    cx: Call,
    id: Path<DeploymentId>,
    body: JsonBody<Vec<DeploymentScheduleCreate>>,
) -> Reply<Created<Vec<DeploymentSchedule>>> {
    countable(body.iter().map(|new| &new.schedule))?;
    let made = schedules::create_for(cx.write().await?, *id, body.0).await?;
    made.map(Created::new).map_err(not_changed)
}

async fn update(
    cx: Call,
    path: Path<(DeploymentId, ScheduleId)>,
    body: JsonBody<DeploymentScheduleUpdate>,
) -> Reply<NoContent> {
    let (deployment, schedule) = *path;
    countable(&body.schedule)?;
    let changed = schedules::change_one(cx.write().await?, deployment, schedule, body.0).await?;
    changed.map(|()| NoContent).map_err(not_changed)
}

async fn delete(cx: Call, path: Path<(DeploymentId, ScheduleId)>) -> Reply<NoContent> {
    let (deployment, schedule) = *path;
    let gone = schedules::delete_one(cx.write().await?, deployment, schedule).await?;
    gone.map(|()| NoContent).map_err(not_changed)
}

async fn schedule(cx: Call, id: Path<DeploymentId>, body: JsonBody<ScheduleSpan>) -> Reply<Json<()>> {
    let ScheduleSpan { start_time, end_time, min_time, min_runs, max_runs } = body.0;
    let (start, end) = (start_time.map(|time| time.0), end_time.map(|time| time.0));
    let span = Span { start, end, min_time, min_runs, max_runs };
    let horizon = cx.app.services().schedules.horizon();
    let plans = schedules::planned(cx.read().await?, *id, &span, &horizon).await?;
    let plans = plans.map_err(|why| Failure::unprocessable(format!("A schedule has no dates: {why}.")))?;
    if !plans.is_empty() {
        schedules::make_now(cx.write().await?, *id, &plans).await?;
    }
    Ok(Json(()))
}

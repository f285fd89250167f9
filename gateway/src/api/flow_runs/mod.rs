//! `/flow_runs`: runs of flows, one by one (reference: `server/api/flow_runs.py`). Many at once are in [`bulk`], what
//! is sent to them in [`inputs`], what keeps them from starting in [`why`].

pub mod bulk;
pub mod flow_run_lists;
pub mod graphs;
pub mod inputs;
pub mod why;

use domain::FlowRunId;
use domain::flow_runs::{FlowRun, FlowRunCreate, FlowRunUpdate, ResumeFlowRun};
use domain::labels::Labels;
use domain::rules::FlowPolicy;
use domain::rules::decision::OrchestrationResult;
use domain::state::StateType;
use domain::states::SetState;
use domain::templates::Rendered;
use tenant_store::Error;
use tenant_store::deployments::Unfit;
use tenant_store::flow_runs::{self, Creation, Updated};

use super::asks::{answer, asks, created_by, exception_not_found, sees_variables};
use super::templates::Templates;
use crate::kit::{Call, Created, ETag, Failure, JsonBody, NoContent, Op, Path, Reply, Tagged};
use crate::ops;

pub static OPS: &[Op] = ops![
    POST "/flow_runs/" create(JsonBody<FlowRunCreate>) -> Created<FlowRun>,
        need Workspace(RunFlows), lane Hot, cost One, cache Never, touches [FlowRuns], audit Nothing;
    GET "/flow_runs/{id}" read(Path<FlowRunId>) -> Tagged<FlowRun>,
        need Workspace(SeeFlows), lane Read, cost One, cache ETag, touches [], audit Nothing;
    PATCH "/flow_runs/{id}" update(Path<FlowRunId>, JsonBody<FlowRunUpdate>) -> NoContent,
        need Workspace(RunFlows), lane Hot, cost One, cache Never, touches [FlowRuns], audit Nothing;
    DELETE "/flow_runs/{id}" delete(Path<FlowRunId>) -> NoContent,
        need Workspace(ManageFlows), lane Heavy, cost One, cache Never, touches [FlowRuns, TaskRuns, Logs, Artifacts], audit Nothing;
    POST "/flow_runs/{id}/set_state" set_state(Path<FlowRunId>, JsonBody<SetState>) -> Created<OrchestrationResult>,
        need Workspace(RunFlows), lane Hot, cost One, cache Never, touches [FlowRuns, TaskRuns], audit Nothing;
    POST "/flow_runs/{id}/resume" resume(Path<FlowRunId>, JsonBody<ResumeFlowRun>) -> Created<OrchestrationResult>,
        need Workspace(RunFlows), lane Hot, cost One, cache Never, touches [FlowRuns, TaskRuns], audit Nothing;
    PATCH "/flow_runs/{id}/labels" update_labels(Path<FlowRunId>, JsonBody<Labels>) -> NoContent,
        need Workspace(RunFlows), lane Hot, cost One, cache Never, touches [FlowRuns], audit Nothing;
];

pub fn not_found() -> Failure {
    Failure::not_found("Flow run not found")
}

async fn create(cx: Call, body: JsonBody<FlowRunCreate>) -> Reply<Created<FlowRun>> {
    let created_by = created_by(&cx)?;
    let pool = body.0.work_pool_name.clone().unwrap_or_default();
    let queue = body.0.work_queue_name.clone().unwrap_or_default();
    match flow_runs::create(cx.write().await?, body.0, created_by, &asks(&cx)).await? {
        Creation::Made(run, _) => Ok(Created::new(*run)),
        Creation::Found(run) => Ok(Created::if_fresh(*run, false)),
        Creation::NoWorkPool => Err(Failure::not_found(format!("Work pool \"{pool}\" not found."))),
        Creation::NoWorkQueue => Err(Failure::not_found(format!("Work pool queue '{pool}/{queue}' not found."))),
    }
}

async fn read(cx: Call, id: Path<FlowRunId>) -> Reply<Tagged<FlowRun>> {
    let run = flow_runs::read(&mut cx.read().await?, *id).await?.ok_or_else(not_found)?;
    Ok(cx.tagged(tag(&run), run))
}

/// What tells that a run has changed; the estimates that grow with time aside. The names of its pool and queue are not its
/// own, and change without it.
fn tag(run: &FlowRun) -> ETag {
    ETag::of(&[
        run.id.0.as_bytes(),
        run.state_id.map(|id| id.0).unwrap_or_default().as_bytes(),
        &run.updated.micros().to_le_bytes(),
        run.work_pool_name.as_deref().unwrap_or_default().as_bytes(),
        run.work_queue_name.as_deref().unwrap_or_default().as_bytes(),
    ])
}

async fn update(cx: Call, id: Path<FlowRunId>, body: JsonBody<FlowRunUpdate>) -> Reply<NoContent> {
    let refused = match flow_runs::update(cx.write().await?, *id, body.0, cx.app.key_ring()).await? {
        Updated::Done => return Ok(NoContent),
        Updated::NoRun => return Err(not_found()),
        Updated::NotScheduled(None) => "Flow run state is required to update job variables but none exists".to_owned(),
        Updated::NotScheduled(Some(state)) => {
            format!("Job variables for a flow run in state {} cannot be updated", StateType::as_str(state))
        }
        Updated::NoDeployment => "A deployment for the flow run could not be found".to_owned(),
        Updated::JobVariables(Unfit::Invalid(why)) => {
            return Err(Failure::unprocessable(format!("Error updating flow run: {why}")));
        }
        Updated::JobVariables(Unfit::NoBlock) => return Err(Failure::not_found("Block not found.")),
    };
    Err(Failure::bad_request(refused))
}

async fn delete(cx: Call, id: Path<FlowRunId>) -> Reply<NoContent> {
    match flow_runs::delete(cx.write().await?, &[*id]).await?.is_empty() {
        false => Ok(NoContent),
        true => Err(not_found()),
    }
}

async fn set_state(cx: Call, id: Path<FlowRunId>, body: JsonBody<SetState>) -> Reply<Created<OrchestrationResult>> {
    let SetState { state, force } = body.0;
    let policy = FlowPolicy::of_request(force);
    let outcome = flow_runs::set_state(cx.write().await?, *id, state, policy, &asks(&cx)).await?;
    answer(outcome, || exception_not_found(format!("Flow run with id {} not found", *id)))
}

async fn resume(cx: Call, id: Path<FlowRunId>, body: JsonBody<ResumeFlowRun>) -> Reply<Created<OrchestrationResult>> {
    let (input, asks) = (body.0.run_input, asks(&cx));
    input.as_ref().map_or(Ok(()), |input| sees_variables(&cx, input))?;
    let (mut templates, mut rendered) = (Templates::of(&cx)?, Rendered::new());
    let outcome = loop {
        match flow_runs::resume(cx.write().await?, *id, input.as_ref(), &rendered, &asks).await {
            Err(Error::Unrendered(asked)) => templates.render(asked, &mut rendered).await?,
            outcome => break outcome?,
        }
    };
    answer(outcome, not_found)
}

async fn update_labels(cx: Call, id: Path<FlowRunId>, body: JsonBody<Labels>) -> Reply<NoContent> {
    match flow_runs::merge_labels(cx.write().await?, *id, &body).await? {
        true => Ok(NoContent),
        false => Err(exception_not_found(format!("Flow run with id {} not found", *id))),
    }
}

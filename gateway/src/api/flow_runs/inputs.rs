//! `/flow_runs/{id}/input`: values sent to a run while it runs.

use domain::FlowRunId;
use domain::flow_runs::{FlowRunInput, FlowRunInputCreate, FlowRunInputFilter};
use tenant_store::flow_runs::{self, InputMade};

use super::not_found;
use crate::kit::{Call, Created, Failure, Json, JsonBody, NoContent, Op, Path, Reply, Text};
use crate::ops;

pub static OPS: &[Op] = ops![
    POST "/flow_runs/{id}/input" create(Path<FlowRunId>, JsonBody<FlowRunInputCreate>) -> Created<()>,
        need Workspace(RunFlows), lane Hot, cost One, cache Never, touches [FlowRuns], audit Nothing;
    POST "/flow_runs/{id}/input/filter" filter(Path<FlowRunId>, JsonBody<FlowRunInputFilter>) -> Json<Vec<FlowRunInput>>,
        need Workspace(SeeFlows), lane Read, cost One, cache Never, touches [], audit Nothing;
    GET "/flow_runs/{id}/input/{key}" read(Path<(FlowRunId, String)>) -> Text,
        need Workspace(SeeFlows), lane Read, cost One, cache Never, touches [], audit Nothing;
    DELETE "/flow_runs/{id}/input/{key}" delete(Path<(FlowRunId, String)>) -> NoContent,
        need Workspace(RunFlows), lane Hot, cost One, cache Never, touches [FlowRuns], audit Nothing;
];

fn no_input() -> Failure {
    Failure::not_found("Flow run input not found")
}

async fn create(cx: Call, id: Path<FlowRunId>, body: JsonBody<FlowRunInputCreate>) -> Reply<Created<()>> {
    match flow_runs::create_input(cx.write().await?, *id, &body).await? {
        InputMade::Yes => Ok(Created::new(())),
        InputMade::NoRun => Err(not_found()),
        InputMade::KeyTaken => Err(Failure::conflict("A flow run input with this key already exists.")),
    }
}

async fn filter(cx: Call, id: Path<FlowRunId>, body: JsonBody<FlowRunInputFilter>) -> Reply<Json<Vec<FlowRunInput>>> {
    // No bound in the description: the reference names none.
    if body.limit < 0 {
        return Err(Failure::unprocessable("Invalid limit: must be greater than or equal to 0."));
    }
    Ok(Json(flow_runs::list_inputs(&mut cx.read().await?, *id, &body).await?))
}

async fn read(cx: Call, path: Path<(FlowRunId, String)>) -> Reply<Text> {
    let (id, key) = &*path;
    let value = flow_runs::read_input(&mut cx.read().await?, *id, key).await?;
    Ok(Text("text/plain; charset=utf-8", value.ok_or_else(no_input)?))
}

async fn delete(cx: Call, path: Path<(FlowRunId, String)>) -> Reply<NoContent> {
    let (id, key) = &*path;
    match flow_runs::delete_input(cx.write().await?, *id, key).await? {
        true => Ok(NoContent),
        false => Err(no_input()),
    }
}

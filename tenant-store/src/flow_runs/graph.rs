//! The graphs of a flow run.

use std::collections::HashMap;
use std::sync::LazyLock;

use domain::graph::{
    DependencyResult, Drawn, Graph, GraphArtifact, GraphState, MOST_ARTIFACTS, MOST_NODES, NodeKind, TooLarge, nodes,
};
use domain::task_runs::TaskRun;
use domain::{FlowRunId, TaskRunId};
use tokio_postgres::Row;
use uuid::Uuid;
use wire::{RawJson, Time};

use crate::pool::FromRow;
use crate::run_states::{self, RunKind};
use crate::sql::Columns;
use crate::{Error, Result, Tx};

const EXISTS: &str = "select r.id from flow_run r where r.id = $1";
const TIMES: &str = "select coalesce(r.start_time, r.expected_start_time), r.end_time from flow_run r where r.id = $1";

/// Task runs, each as the subflow run it stands for where there is one.
const NODES: &str = "select s.id is not null, coalesce(s.id, t.id), coalesce(f.name || ' / ' || s.name, t.name), \
    coalesce(s.state_type, t.state_type), coalesce(s.start_time, s.expected_start_time, t.start_time, t.expected_start_time), \
    coalesce(s.end_time, t.end_time, case when t.state_type = 3 then t.expected_start_time end), t.task_inputs \
    from task_run t left join flow_run s on s.parent_task_run_id = t.id left join flow f on f.id = s.flow_id \
    where t.flow_run_id = $1 \
    and coalesce(s.start_time, s.expected_start_time, t.start_time, t.expected_start_time) is not null limit $2";

const ARTIFACTS: &str = "select a.task_run_id, a.id, a.created, a.key, a.type, \
    a.key is null or exists (select from artifact_latest l where l.latest_id = a.id), \
    case when a.type = 'progress' then a.data end \
    from artifact a where a.flow_run_id = $1 and a.type <> 'result' order by a.created, a.id limit $2";

static TASKS: LazyLock<String> = LazyLock::new(|| {
    format!("select {} from task_run t where t.flow_run_id = $1 order by t.id desc", TaskRun::COLUMNS)
});

impl FromRow for Drawn {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            kind: if row.try_get(0)? { NodeKind::FlowRun } else { NodeKind::TaskRun },
            id: row.try_get(1)?,
            label: row.try_get(2)?,
            state_type: row.try_get(3)?,
            start_time: row.try_get(4)?,
            end_time: row.try_get(5)?,
            inputs: row.try_get(6)?,
        })
    }
}

/// An artifact and the task run it is of.
struct Attached(Option<TaskRunId>, GraphArtifact);

impl FromRow for Attached {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let artifact = GraphArtifact {
            id: row.try_get(1)?,
            created: row.try_get(2)?,
            key: row.try_get(3)?,
            type_: row.try_get(4)?,
            is_latest: row.try_get(5)?,
            data: row.try_get::<_, Option<RawJson>>(6)?,
        };
        Ok(Self(row.try_get(0)?, artifact))
    }
}

/// The task runs of a flow run, each with the task runs whose results it was given; `None` when there is no such flow run.
pub async fn dependencies(tx: &mut Tx<'_>, run: FlowRunId) -> Result<Option<Vec<DependencyResult>>> {
    let exists: Option<(FlowRunId,)> = tx.opt(EXISTS, &[&run]).await?;
    if exists.is_none() {
        return Ok(None);
    }
    let tasks: Vec<TaskRun> = tx.all(TASKS.as_str(), &[&run]).await?;
    Ok(Some(tasks.into_iter().map(DependencyResult::of).collect()))
}

/// What of the graph of a flow run has not ended before `since`, with its artifacts or without; `None` when there is no such
/// run.
pub async fn graph(
    tx: &mut Tx<'_>,
    run: FlowRunId,
    since: Time,
    artifacts: bool,
) -> Result<Option<Result<Graph, TooLarge>>> {
    let times: Option<(Option<Time>, Option<Time>)> = tx.opt(TIMES, &[&run]).await?;
    let Some((start_time, end_time)) = times else { return Ok(None) };
    // What ended before `since` is needed for the edges; with nothing left out, one node too many tells enough.
    let most = if since == Time::MIN { MOST_NODES as i64 + 1 } else { i64::MAX };
    let drawn: Vec<Drawn> = tx.all(NODES, &[&run, &most]).await?;
    let attached: Vec<Attached> =
        if artifacts { tx.all(ARTIFACTS, &[&run, &MOST_ARTIFACTS]).await? } else { Vec::new() };
    let mut artifacts = Vec::new();
    let mut of_tasks: HashMap<Uuid, Vec<GraphArtifact>> = HashMap::new();
    for Attached(task, artifact) in attached {
        match task {
            Some(task) => of_tasks.entry(task.0).or_default().push(artifact),
            None => artifacts.push(artifact),
        }
    }
    let states = run_states::of_run(tx, RunKind::Flow, run.0).await?;
    let states: Result<Vec<GraphState>> =
        states.iter().map(|state| Ok(state.parse().map_err(Error::internal)?.into())).collect();
    let states = states?;
    Ok(Some(nodes(drawn, since, of_tasks).map(|(root_node_ids, nodes)| Graph {
        start_time,
        end_time,
        root_node_ids,
        nodes,
        artifacts,
        states,
    })))
}

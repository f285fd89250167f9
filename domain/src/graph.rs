//! The graph of a flow run: its task runs and subflow runs, and what each was given by which other.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;
use wire::{Described, Output, RawJson, Schema, Schemas, Time};

use crate::state::{State, StateType};
use crate::stored::Stored;
use crate::task_runs::{TaskInputs, TaskRun};
use crate::{ArtifactId, FlowRunId, StateId, TaskRunId};

/// Nodes that a graph has at most.
pub const MOST_NODES: usize = 10_000;
/// Artifacts that a graph has at most; later ones are left out.
pub const MOST_ARTIFACTS: i64 = 10_000;
/// Edges up to which repetitions are kept; see [`edges`].
const MOST_REPEATED_EDGES: usize = 50_000;

/// The input that names the tasks around a task, which gave it nothing.
const ENCAPSULATING: &str = "__parents__";

/// A task run among those it depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct DependencyResult {
    pub id: TaskRunId,
    pub name: String,
    pub upstream_dependencies: Vec<Upstream>,
    pub state: Option<Stored<State>>,
    pub expected_start_time: Option<Time>,
    pub start_time: Option<Time>,
    pub end_time: Option<Time>,
    pub total_run_time: f64,
    pub estimated_run_time: f64,
    pub untrackable_result: bool,
}

/// The task run whose result was an input.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct Upstream {
    pub input_type: &'static str,
    pub id: Uuid,
}

impl DependencyResult {
    /// Results of task runs count; parameters and constants, on which the reference fails, do not.
    pub fn of(run: TaskRun) -> Self {
        let mut upstream_dependencies: Vec<Upstream> = Vec::new();
        for argument in arguments(&run.task_inputs.0).into_iter().flat_map(|(_, arguments)| arguments) {
            let known = upstream_dependencies.iter().any(|upstream| Some(upstream.id) == argument.id);
            if let (Some(id), true, false) = (argument.id, argument.of_task_run, known) {
                upstream_dependencies.push(Upstream { input_type: "task_run", id });
            }
        }
        let details = run.state.as_ref().and_then(|state| state.parse().ok()).map(|state: State| state.state_details);
        Self {
            id: run.id,
            name: run.name,
            upstream_dependencies,
            state: run.state,
            expected_start_time: run.expected_start_time,
            start_time: run.start_time,
            end_time: run.end_time,
            total_run_time: run.total_run_time,
            estimated_run_time: run.estimated_run_time,
            untrackable_result: details.is_some_and(|details| details.untrackable_result),
        }
    }
}

/// A graph, or as much of it as changed since a time.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct Graph {
    pub start_time: Option<Time>,
    pub end_time: Option<Time>,
    pub root_node_ids: Vec<Uuid>,
    /// Each with its id before it.
    pub nodes: Vec<(Uuid, Node)>,
    pub artifacts: Vec<GraphArtifact>,
    pub states: Vec<GraphState>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeKind {
    FlowRun,
    TaskRun,
}

impl Described for NodeKind {
    fn schema(_: &mut Schemas) -> Schema {
        serde_json::json!({ "type": "string", "enum": ["flow-run", "task-run"] })
    }
}

/// A task run, or the subflow run it stands for.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct Node {
    pub kind: NodeKind,
    pub id: Uuid,
    pub label: String,
    pub state_type: StateType,
    pub start_time: Time,
    pub end_time: Option<Time>,
    pub parents: Vec<Edge>,
    pub children: Vec<Edge>,
    pub encapsulating: Vec<Edge>,
    pub artifacts: Vec<GraphArtifact>,
}

/// The other end of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Output)]
pub struct Edge {
    pub id: Uuid,
}

#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct GraphArtifact {
    pub id: ArtifactId,
    pub created: Time,
    pub key: Option<String>,
    #[serde(rename = "type")]
    #[input(rename = "type")]
    pub type_: Option<String>,
    pub is_latest: bool,
    /// Of artifacts that show progress alone.
    pub data: Option<RawJson>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct GraphState {
    pub id: StateId,
    pub timestamp: Time,
    #[serde(rename = "type")]
    #[input(rename = "type")]
    pub type_: StateType,
    pub name: String,
}

impl From<State> for GraphState {
    fn from(state: State) -> Self {
        let name = state.name().to_owned();
        Self { id: state.id, timestamp: state.timestamp, type_: state.type_, name }
    }
}

/// A run that may become a node, and what it was given.
#[derive(Debug, Clone)]
pub struct Drawn {
    pub kind: NodeKind,
    pub id: Uuid,
    pub label: String,
    pub state_type: Option<StateType>,
    pub start_time: Time,
    pub end_time: Option<Time>,
    pub inputs: TaskInputs,
}

/// The graph has more than [`MOST_NODES`] nodes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TooLarge;

impl TooLarge {
    pub fn detail(self, run: FlowRunId) -> String {
        format!("The graph of flow run {run} has more than {MOST_NODES} nodes.")
    }
}

/// Ids of the nodes that no other gave anything, and all nodes, each with its id before it.
pub type Drawing = (Vec<Uuid>, Vec<(Uuid, Node)>);

/// The nodes that have not ended before `since`, with edges to all of `runs`, by the time they started; and the ids of
/// those that no other gave anything.
pub fn nodes(
    mut runs: Vec<Drawn>,
    since: Time,
    mut artifacts: HashMap<Uuid, Vec<GraphArtifact>>,
) -> Result<Drawing, TooLarge> {
    runs.sort_by_key(|run| (run.start_time, run.end_time.is_none(), run.end_time, run.id));
    let mut edges = edges(&runs);
    let mut roots = Vec::new();
    let mut nodes = Vec::new();
    for (run, edges) in runs.into_iter().zip(&mut edges) {
        if run.end_time.is_some_and(|end| end < since) {
            continue;
        }
        if nodes.len() == MOST_NODES {
            return Err(TooLarge);
        }
        let Edges { parents, children, encapsulating } = std::mem::take(edges);
        if parents.is_empty() {
            roots.push(run.id);
        }
        let node = Node {
            kind: run.kind,
            id: run.id,
            label: run.label,
            state_type: run.state_type.unwrap_or(StateType::Pending),
            start_time: run.start_time,
            end_time: run.end_time,
            parents,
            children,
            encapsulating,
            artifacts: artifacts.remove(&run.id).unwrap_or_default(),
        };
        nodes.push((run.id, node));
    }
    Ok((roots, nodes))
}

#[derive(Debug, Clone, Default)]
struct Edges {
    parents: Vec<Edge>,
    children: Vec<Edge>,
    encapsulating: Vec<Edge>,
}

/// The edges of each of the runs, in their order. The reference joins the inputs of both ends, so that an edge stands as
/// often as its parent has inputs; that is kept, but where it would multiply out of hand.
fn edges(runs: &[Drawn]) -> Vec<Edges> {
    let places: HashMap<Uuid, usize> = runs.iter().enumerate().map(|(place, run)| (run.id, place)).collect();
    let inputs: Vec<_> = runs.iter().map(|run| arguments(&run.inputs.0.0)).collect();
    let width = |inputs: &[(String, Vec<Argument>)]| {
        inputs.iter().map(|(_, arguments)| arguments.len().max(1)).sum::<usize>().max(1)
    };
    let mut repeats: Vec<usize> = inputs.iter().map(|inputs| width(inputs)).collect();
    // Parent, child, and whether the parent is around the child.
    let mut found: Vec<(usize, usize, bool)> = Vec::new();
    for (child, inputs) in inputs.iter().enumerate() {
        for (key, arguments) in inputs {
            let parents = arguments.iter().filter_map(|argument| places.get(argument.id.as_ref()?));
            found.extend(parents.map(|parent| (*parent, child, key == ENCAPSULATING)));
        }
    }
    let total = found.iter().fold(0usize, |sum, (parent, ..)| sum.saturating_add(repeats[*parent]));
    if total > MOST_REPEATED_EDGES {
        repeats.fill(1);
    }
    // By place, which is by start: parents of a child and children of a parent both come in that order.
    found.sort_unstable();
    let mut edges = vec![Edges::default(); runs.len()];
    for (parent, child, around) in found {
        let (up, down) = (Edge { id: runs[parent].id }, Edge { id: runs[child].id });
        match around {
            true if !edges[child].encapsulating.contains(&up) => edges[child].encapsulating.push(up),
            true => {}
            false => {
                edges[child].parents.extend(std::iter::repeat_n(up, repeats[parent]));
                edges[parent].children.extend(std::iter::repeat_n(down, repeats[parent]));
            }
        }
    }
    edges
}

struct Argument {
    id: Option<Uuid>,
    of_task_run: bool,
}

/// What a run was given, by parameter.
fn arguments(inputs: &RawJson) -> Vec<(String, Vec<Argument>)> {
    let Value::Object(inputs) = inputs.to_value() else { return Vec::new() };
    let argument = |value: &Value| Argument {
        id: value["id"].as_str().and_then(|id| Uuid::try_parse(id).ok()),
        of_task_run: value["input_type"] == "task_run",
    };
    let list = |value: Value| value.as_array().map(|list| list.iter().map(argument).collect()).unwrap_or_default();
    inputs.into_iter().map(|(key, value)| (key, list(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn run(n: u128, end: Option<i64>, inputs: &str) -> Drawn {
        let inputs = inputs.split_whitespace().map(|input| {
            let (key, parent) = input.split_once('=').expect("key=parent");
            format!(r#""{key}":[{{"input_type":"task_run","id":"{}"}}]"#, id(parent.parse().expect("a number")))
        });
        let inputs = format!("{{{}}}", inputs.collect::<Vec<_>>().join(","));
        Drawn {
            kind: NodeKind::TaskRun,
            id: id(n),
            label: n.to_string(),
            state_type: Some(StateType::Running),
            start_time: Time::from_micros(n as i64),
            end_time: end.map(Time::from_micros),
            inputs: TaskInputs(wire::RawObject(RawJson::from_text(inputs).expect("JSON"))),
        }
    }

    fn of(edges: &[Edge]) -> Vec<u128> {
        edges.iter().map(|edge| edge.id.as_u128()).collect()
    }

    #[test]
    fn an_edge_stands_as_often_as_its_parent_has_inputs() {
        let runs =
            vec![run(3, None, "x=1 y=2"), run(1, Some(9), ""), run(2, None, "x=1 p=7"), run(4, None, "__parents__=3")];
        let (roots, nodes) = nodes(runs, Time::MIN, HashMap::new()).expect("a small graph");
        let told: Vec<_> =
            nodes.iter().map(|(id, n)| (id.as_u128(), of(&n.parents), of(&n.children), of(&n.encapsulating))).collect();
        assert_eq!(
            told,
            [
                (1, vec![], vec![2, 3], vec![]),
                (2, vec![1], vec![3, 3], vec![]),
                (3, vec![1, 2, 2], vec![], vec![]),
                (4, vec![], vec![], vec![3]),
            ]
        );
        assert_eq!(roots, [id(1), id(4)]);
    }

    #[test]
    fn what_ended_before_is_left_out_but_stays_a_parent() {
        let runs = vec![run(1, Some(5), ""), run(2, Some(50), "x=1"), run(3, None, "x=1")];
        let (roots, nodes) = nodes(runs, Time::from_micros(50), HashMap::new()).expect("a small graph");
        let told: Vec<_> = nodes.iter().map(|(id, n)| (id.as_u128(), of(&n.parents))).collect();
        assert_eq!((told, roots), (vec![(2, vec![1]), (3, vec![1])], vec![]));
    }

    #[test]
    fn a_graph_has_a_most() {
        let runs = |count: usize| (0..count as u128).map(|n| run(n, None, "")).collect::<Vec<_>>();
        assert_eq!(nodes(runs(MOST_NODES), Time::MIN, HashMap::new()).map(|(_, nodes)| nodes.len()), Ok(MOST_NODES));
        assert!(nodes(runs(MOST_NODES + 1), Time::MIN, HashMap::new()).is_err());
    }
}

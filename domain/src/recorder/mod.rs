//! How task runs come about from events: the SDK tells of each state of a task run by an event, and there is no other
//! source (reference: `server/services/task_run_recorder.py`).
//!
//! [`change`] reads what one event says of its run, [`plan`] merges many of them with the rows that are there. Events may
//! come in any order, twice, late, and in batches of any cut: the run ends the same. Each column has the value of the newest
//! event that set it (an event may leave columns out, which is not the same as null), newest by the state's timestamp and,
//! between equal ones, by the state's id. Where the reference forgets what an older event said of a column that no newer
//! one spoke of, depending on the order of arrival, here it counts always.

mod merge;
mod plan;

use wire::{Errors, Fields, Input, Json, Patch, RawJson};

use crate::events::{Event, complaints};
use crate::labels::Labels;
use crate::policies::refuse;
use crate::state::{State, StateDetails, StateType};
use crate::task_runs::cache_key;
use crate::{FlowRunId, StateId, TaskRunId};

pub use merge::{Columns, Stamp, Standing, Taken};
pub use plan::{Head, Lookup, NewState, Recording, Run, keys, plan};

/// What an event says of its task run: the state it is in, and some of its columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub id: TaskRunId,
    pub flow_run_id: Option<FlowRunId>,
    pub task_key: String,
    pub dynamic_key: String,
    pub state: State,
    pub columns: Columns,
}

impl Change {
    pub fn stamp(&self) -> Stamp {
        Stamp { timestamp: self.state.timestamp, state_id: self.state.id }
    }
}

/// What an event says of a task run; `None` unless it is a client's event of one. The error says why such an event cannot
/// be read, for whoever looks into the quarantine.
pub fn change(event: &Event) -> Option<Result<Change, String>> {
    let of_client = event.event.starts_with("prefect.task-run")
        && event.resource.get("prefect.orchestration").is_some_and(|by| by == "client");
    of_client.then(|| read(event))
}

fn read(event: &Event) -> Result<Change, String> {
    let of_resource = TaskRunId(event.resource.object_id("prefect.task-run")?);
    let flow_run = event.related_as("flow-run").map(|resource| resource.object_id("prefect.flow-run")).transpose()?;
    let flow_run = flow_run.map(FlowRunId);

    let payload = wire::json::parse(event.payload.0.text().as_bytes()).map_err(|why| format!("{why:?}"))?;
    let mut errors = Errors::of("payload");
    let payload = Payload::parse(&payload, &mut errors).filter(|_| errors.is_empty());
    let Payload { validated_state, task_run } = payload.ok_or_else(|| complaints(&errors))?;
    let TaskRunSent { keys, columns } = task_run;

    let Sent { type_, name, message, data, state_details } = validated_state;
    let mut state = State::proposed(StateId(event.id.0), event.occurred, type_, name, message, data, state_details);
    state.state_details.task_run_id = Some(of_resource);
    state.state_details.flow_run_id = flow_run;
    Ok(Change {
        id: keys.id.value().copied().unwrap_or(of_resource),
        flow_run_id: keys.flow_run_id.value().copied().unwrap_or(flow_run),
        task_key: keys.task_key,
        dynamic_key: keys.dynamic_key,
        state,
        columns,
    })
}

#[derive(Input)]
struct Payload {
    validated_state: Sent,
    task_run: TaskRunSent,
}

/// A state as the client decided it.
#[derive(Input)]
struct Sent {
    #[input(rename = "type")]
    type_: StateType,
    name: Option<String>,
    message: Option<String>,
    data: Option<RawJson>,
    #[input(default)]
    state_details: StateDetails,
}

/// The run as the client sees it; what it does not send stays as it is.
struct TaskRunSent {
    keys: Keys,
    columns: Columns,
}

#[derive(Input)]
struct Keys {
    id: Patch<TaskRunId>,
    flow_run_id: Patch<Option<FlowRunId>>,
    task_key: String,
    dynamic_key: String,
}

impl Input for TaskRunSent {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        Fields::of(value, errors)?;
        let (keys, columns) = (Keys::parse(value, errors), Columns::parse(value, errors));
        Some(Self { keys: keys?, columns: columns? })
    }
}

impl wire::Described for TaskRunSent {
    fn schema(schemas: &mut wire::Schemas) -> wire::Schema {
        Columns::schema(schemas)
    }
}

/// A run that sends no name keeps the one it has.
fn name(value: &Json<'_>, errors: &mut Errors) -> Option<Patch<String>> {
    let name = Option::<String>::parse(value, errors)?.filter(|name| !name.is_empty());
    Some(name.map_or(Patch::Absent, Patch::Set))
}

fn key(value: &Json<'_>, errors: &mut Errors) -> Option<Patch<Option<String>>> {
    cache_key(value, errors).map(Patch::Set)
}

fn labels(value: &Json<'_>, errors: &mut Errors) -> Option<Patch<Labels>> {
    Some(Patch::Set(Option::<Labels>::parse(value, errors)?.unwrap_or_default()))
}

/// Seconds, or an ISO 8601 duration.
fn duration(value: &Json<'_>, errors: &mut Errors) -> Option<Patch<f64>> {
    let seconds = match value {
        Json::Str(text) => iso_duration(text),
        Json::Int(_) | Json::Float(_) => f64::parse(value, errors),
        _ => None,
    };
    if seconds.is_none() {
        refuse(value, "Input should be a valid timedelta", errors);
    }
    seconds.map(Patch::Set)
}

/// `P1DT2H3M4.5S` in seconds, perhaps with a sign.
fn iso_duration(text: &str) -> Option<f64> {
    let (sign, rest) = text.strip_prefix('-').map_or((1.0, text), |rest| (-1.0, rest));
    let rest = rest.strip_prefix('+').unwrap_or(rest).strip_prefix('P')?;
    let (days, times) = rest.split_once('T').unwrap_or((rest, ""));
    let mut seconds = 0.0;
    for (part, units) in
        [(days, &[('W', 604_800.0), ('D', 86_400.0)][..]), (times, &[('H', 3600.0), ('M', 60.0), ('S', 1.0)])]
    {
        let mut number = String::new();
        for c in part.chars() {
            match units.iter().find(|(unit, _)| *unit == c) {
                Some((_, length)) => seconds += std::mem::take(&mut number).parse::<f64>().ok()? * length,
                None if c.is_ascii_digit() || c == '.' => number.push(c),
                None => return None,
            }
        }
        if !number.is_empty() {
            return None;
        }
    }
    (!rest.is_empty() && !rest.ends_with('T')).then_some(sign * seconds)
}

#[cfg(test)]
mod tests;

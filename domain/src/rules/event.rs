//! The event that tells of a flow run's change of state: `prefect.flow-run.{name of the state}`.
//!
//! Its id is the state's, so that the order of events is the order of states. Where a state came less than five minutes
//! after the one before it, the event says which it follows, so that readers can put right what was delivered out of order.

use std::collections::BTreeSet;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use uuid::Uuid;
use wire::{RawJson, RawObject, Time};

use crate::events::{Event, Resource};
use crate::ids::{AutomationId, DeploymentId, EventId, FlowId, TaskRunId, WorkPoolId, WorkQueueId};
use crate::run::FlowRunCore;
use crate::state::{State, StateType};

/// Messages longer than this are cut in the middle: some carry whole results.
const LONGEST_MESSAGE: usize = 100_000;

/// Within this many seconds two changes may be delivered out of order.
const TIGHT: f64 = 300.0;

/// What stands around a flow run, for the `related` of its events.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Surroundings {
    /// The run's own tags.
    pub tags: Vec<String>,
    pub flow: Option<Named<FlowId>>,
    pub deployment: Option<Named<DeploymentId>>,
    pub work_queue: Option<Named<WorkQueueId>>,
    /// With its type.
    pub work_pool: Option<(Named<WorkPoolId>, String)>,
    /// The parent task run, for a subflow.
    pub task_run: Option<Named<TaskRunId>>,
    /// Who made the run, where that is told of.
    pub creator: Option<Creator>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Named<Id> {
    pub id: Id,
    pub name: String,
    /// Empty for queues and pools, which have none.
    pub tags: Vec<String>,
}

/// A run's `created_by`, where events speak of it: of type `DEPLOYMENT` or `AUTOMATION`.
#[derive(Clone, Debug, PartialEq)]
pub struct Creator {
    pub kind: CreatorKind,
    pub display_value: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreatorKind {
    Deployment(DeploymentId),
    Automation(AutomationId),
}

impl CreatorKind {
    /// From the `type` and `id` of `created_by`; `None` for creators that events are silent about.
    pub fn of(type_: &str, id: Uuid) -> Option<Self> {
        match type_ {
            "DEPLOYMENT" => Some(Self::Deployment(DeploymentId(id))),
            "AUTOMATION" => Some(Self::Automation(AutomationId(id))),
            _ => None,
        }
    }
}

/// The labels of a resource, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResourceLabels(pub Vec<(&'static str, String)>);

impl ResourceLabels {
    pub fn get(&self, label: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| *name == label).map(|(_, value)| value.as_str())
    }

    fn to_resource(&self) -> Resource {
        Resource(self.0.iter().map(|(label, value)| ((*label).to_owned(), value.clone())).collect())
    }
}

impl Serialize for ResourceLabels {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(Some(self.0.len()))?;
        for (label, value) in &self.0 {
            map.serialize_entry(label, value)?;
        }
        map.end()
    }
}

/// The event, as it is sent and stored (`received` is the store's to add).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StateChange {
    pub occurred: Time,
    pub event: String,
    pub resource: ResourceLabels,
    pub related: Vec<ResourceLabels>,
    pub payload: Payload,
    pub id: EventId,
    pub follows: Option<EventId>,
}

impl StateChange {
    /// As any other event, for those who listen to events.
    pub fn to_event(&self) -> Event {
        let Self { occurred, event, resource, related, payload, id, follows } = self;
        Event {
            occurred: *occurred,
            event: event.clone(),
            resource: resource.to_resource(),
            related: related.iter().map(ResourceLabels::to_resource).collect(),
            payload: RawObject(RawJson::of(payload)),
            id: *id,
            follows: *follows,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Payload {
    pub intended: Intended,
    pub initial_state: Option<StateInBrief>,
    pub validated_state: StateInBrief,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Intended {
    pub from: Option<StateType>,
    pub to: StateType,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StateInBrief {
    #[serde(rename = "type")]
    pub type_: StateType,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// `true` or `false`, in words; of a PAUSED state alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause_reschedule: Option<&'static str>,
}

/// The event of a change of state. `run` is the run afterwards, `initial` the state before, `state` the one that was written.
pub fn state_change(run: &FlowRunCore, initial: Option<&State>, state: &State, around: &Surroundings) -> StateChange {
    let resource = ResourceLabels(vec![
        ("prefect.resource.id", format!("prefect.flow-run.{}", run.id)),
        ("prefect.resource.name", run.name.clone()),
        ("prefect.run-count", run.progress.run_count.to_string()),
        ("prefect.state-message", cut(state.message.as_deref().unwrap_or_default())),
        ("prefect.state-name", state.name().to_owned()),
        ("prefect.state-timestamp", offset_form(state.timestamp)),
        ("prefect.state-type", state.type_.to_string()),
    ]);
    let follows = initial.filter(|initial| state.timestamp.seconds_since(initial.timestamp).abs() < TIGHT);
    StateChange {
        occurred: state.timestamp,
        event: format!("prefect.flow-run.{}", state.name()),
        resource,
        related: related(around),
        payload: Payload {
            intended: Intended { from: initial.map(|initial| initial.type_), to: state.type_ },
            initial_state: initial.map(in_brief),
            validated_state: in_brief(state),
        },
        id: EventId(state.id.0),
        follows: follows.map(|initial| EventId(initial.id.0)),
    }
}

fn in_brief(state: &State) -> StateInBrief {
    let said = |text: &Option<String>| text.as_deref().filter(|text| !text.is_empty()).map(cut);
    let pause_reschedule = match state.state_details.pause_reschedule {
        true => "true",
        false => "false",
    };
    StateInBrief {
        type_: state.type_,
        name: said(&state.name),
        message: said(&state.message),
        pause_reschedule: state.is_paused().then_some(pause_reschedule),
    }
}

/// The `related` resources, in the reference's order: flow, deployment, work queue, work pool, parent task run, then the
/// tags of all of them and of the run, then its creator.
pub fn related(around: &Surroundings) -> Vec<ResourceLabels> {
    let Surroundings { tags: own_tags, flow, deployment, work_queue, work_pool, task_run, creator } = around;
    let mut related = Vec::new();
    let mut tags: BTreeSet<&str> = own_tags.iter().map(String::as_str).collect();
    if let Some(flow) = flow {
        related.push(named("flow", flow, &mut tags));
    }
    if let Some(deployment) = deployment {
        related.push(named("deployment", deployment, &mut tags));
    }
    if let Some(queue) = work_queue {
        related.push(named("work-queue", queue, &mut tags));
    }
    if let Some((pool, type_)) = work_pool {
        let mut labels = named("work-pool", pool, &mut tags);
        labels.0.push(("prefect.work-pool.type", type_.clone()));
        related.push(labels);
    }
    if let Some(task_run) = task_run {
        related.push(named("task-run", task_run, &mut tags));
    }
    related.extend(tags.into_iter().map(|tag| {
        ResourceLabels(vec![
            ("prefect.resource.id", format!("prefect.tag.{tag}")),
            ("prefect.resource.role", "tag".to_owned()),
        ])
    }));
    related.extend(creator.iter().map(created));
    related
}

fn named<'a, Id: std::fmt::Display>(
    kind: &'static str,
    object: &'a Named<Id>,
    tags: &mut BTreeSet<&'a str>,
) -> ResourceLabels {
    tags.extend(object.tags.iter().map(String::as_str));
    ResourceLabels(vec![
        ("prefect.resource.id", format!("prefect.{kind}.{}", object.id)),
        ("prefect.resource.role", kind.to_owned()),
        ("prefect.resource.name", object.name.clone()),
    ])
}

fn created(creator: &Creator) -> ResourceLabels {
    let id = match creator.kind {
        CreatorKind::Deployment(id) => format!("prefect.deployment.{id}"),
        CreatorKind::Automation(id) => format!("prefect.automation.{id}"),
    };
    let mut labels = vec![("prefect.resource.id", id), ("prefect.resource.role", "creator".to_owned())];
    if let Some(name) = creator.display_value.as_ref().filter(|name| !name.is_empty()) {
        labels.push(("prefect.resource.name", name.clone()));
    }
    ResourceLabels(labels)
}

/// The time with its offset written out, as Python writes it: `2024-01-01T00:00:00+00:00`.
fn offset_form(time: Time) -> String {
    let mut text = time.to_string();
    text.truncate(text.len() - 1);
    text + "+00:00"
}

/// The beginning and the end of a text that is too long, with a note of what was left out between.
fn cut(text: &str) -> String {
    let length = text.chars().count();
    if length <= LONGEST_MESSAGE {
        return text.to_owned();
    }
    let half = LONGEST_MESSAGE / 2;
    let position = |nth: usize| text.char_indices().nth(nth).map_or(text.len(), |(at, _)| at);
    let note = format!("...{} additional characters...", length - 2 * half);
    if note.len() + 2 * half >= length {
        return text.to_owned();
    }
    [&text[..position(half)], &note, &text[position(length - half)..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{FlowRunId, StateId};
    use crate::run::{FlowRunPolicy, Progress};

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn run() -> FlowRunCore {
        FlowRunCore {
            id: FlowRunId(id(0xA)),
            name: "armored-chital".into(),
            deployment_id: None,
            parent_task_run_id: None,
            infrastructure_pid: None,
            empirical_policy: FlowRunPolicy::default(),
            progress: Progress { run_count: 2, ..Progress::default() },
        }
    }

    fn named<Id>(id: Id, name: &str, tags: &[&str]) -> Named<Id> {
        Named { id, name: name.into(), tags: tags.iter().map(|t| (*t).to_string()).collect() }
    }

    #[test]
    fn is_written_as_the_reference_writes_it() {
        let initial = State::scheduled(StateId(id(1)), Time::from_micros(0), Time::from_micros(0));
        let state = State::pending(StateId(id(2)), Time::from_micros(1_000_000)).saying("m");
        let around = Surroundings { flow: Some(named(FlowId(id(0xF)), "f", &[])), ..Surroundings::default() };
        let event = state_change(&run(), Some(&initial), &state, &around);
        assert_eq!(
            serde_json::to_string(&event).ok().as_deref(),
            Some(concat!(
                r#"{"occurred":"1970-01-01T00:00:01Z","event":"prefect.flow-run.Pending","resource":{"#,
                r#""prefect.resource.id":"prefect.flow-run.00000000-0000-0000-0000-00000000000a","prefect.resource.name":"armored-chital","#,
                r#""prefect.run-count":"2","prefect.state-message":"m","prefect.state-name":"Pending","#,
                r#""prefect.state-timestamp":"1970-01-01T00:00:01+00:00","prefect.state-type":"PENDING"},"#,
                r#""related":[{"prefect.resource.id":"prefect.flow.00000000-0000-0000-0000-00000000000f","#,
                r#""prefect.resource.role":"flow","prefect.resource.name":"f"}],"#,
                r#""payload":{"intended":{"from":"SCHEDULED","to":"PENDING"},"initial_state":{"type":"SCHEDULED","name":"Scheduled"},"#,
                r#""validated_state":{"type":"PENDING","name":"Pending","message":"m"}},"#,
                r#""id":"00000000-0000-0000-0000-000000000002","follows":"00000000-0000-0000-0000-000000000001"}"#
            ))
        );
    }

    #[test]
    fn related_resources_come_in_order_and_tags_once() {
        let around = Surroundings {
            tags: vec!["b".into(), "a".into()],
            flow: Some(named(FlowId(id(1)), "flow", &["c", "a"])),
            deployment: Some(named(DeploymentId(id(2)), "deployment", &["d"])),
            work_queue: Some(named(WorkQueueId(id(3)), "queue", &[])),
            work_pool: Some((named(WorkPoolId(id(4)), "pool", &[]), "process".into())),
            task_run: Some(named(TaskRunId(id(5)), "task", &["e"])),
            creator: CreatorKind::of("DEPLOYMENT", id(2))
                .map(|kind| Creator { kind, display_value: Some("deployment".into()) }),
        };
        let related = related(&around);
        let roles: Vec<_> = related.iter().filter_map(|r| r.get("prefect.resource.role")).collect();
        assert_eq!(
            roles,
            ["flow", "deployment", "work-queue", "work-pool", "task-run", "tag", "tag", "tag", "tag", "tag", "creator"]
        );
        let tags: Vec<_> = related[5..10].iter().filter_map(|r| r.get("prefect.resource.id")).collect();
        assert_eq!(tags, ["prefect.tag.a", "prefect.tag.b", "prefect.tag.c", "prefect.tag.d", "prefect.tag.e"]);
        assert_eq!(related[3].get("prefect.work-pool.type"), Some("process"));
        assert_eq!(CreatorKind::of("USER", id(1)), None);
    }

    #[test]
    fn follows_only_what_came_shortly_before() {
        let at = |seconds: i64| State::running(StateId(id(1)), Time::from_micros(seconds * 1_000_000));
        for (earlier, later, follows) in [(0, 299, true), (0, 300, false), (299, 0, true), (300, 0, false)] {
            let event = state_change(&run(), Some(&at(earlier)), &at(later), &Surroundings::default());
            assert_eq!(event.follows.is_some(), follows, "{earlier} {later}");
        }
        assert_eq!(state_change(&run(), None, &at(0), &Surroundings::default()).follows, None);
    }

    #[test]
    fn a_paused_state_says_whether_it_reschedules() {
        let paused = State::suspended(StateId(id(1)), Time::from_micros(0), None, None);
        assert_eq!(in_brief(&paused).pause_reschedule, Some("true"));
        assert_eq!(in_brief(&State::running(StateId(id(1)), Time::from_micros(0))).pause_reschedule, None);
    }

    #[test]
    fn long_messages_are_cut_in_the_middle() {
        assert_eq!(cut(&"é".repeat(LONGEST_MESSAGE)).chars().count(), LONGEST_MESSAGE);
        let long = format!("a{}z", "é".repeat(LONGEST_MESSAGE + 98));
        let short = cut(&long);
        assert!(
            short.starts_with("aé") && short.ends_with("éz") && short.contains("é...100 additional characters...é")
        );
        let barely = "x".repeat(LONGEST_MESSAGE + 5);
        assert_eq!(cut(&barely), barely);
    }
}

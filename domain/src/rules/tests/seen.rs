//! Tells states and runs by what their ids and times are, so that two worlds can be compared.

use std::collections::HashMap;

use serde_json::{Map, Value, json};
use uuid::Uuid;
use wire::Time;

use crate::ids::{LeaseId, StateId};
use crate::run::Progress;
use crate::state::{State, StateDetails, StateType};

pub struct Seen {
    /// What an id is called.
    pub ids: HashMap<Uuid, &'static str>,
    /// The details that go without saying.
    pub own: &'static str,
    times: HashMap<Time, String>,
    leases: Vec<LeaseId>,
    states: HashMap<StateId, (usize, Value)>,
    /// Type and time of each state the run has been in.
    history: Vec<(StateId, StateType, Time)>,
    run: Map<String, Value>,
    others: Map<String, Value>,
}

impl Seen {
    pub fn new(own: &'static str, policy: Value, named_times: HashMap<Time, String>) -> Self {
        let run = json!({
            "expected_start_time": null, "start_time": null, "end_time": null, "next_scheduled_start_time": null,
            "total_run_time": "as told", "run_count": 0, "flow_run_run_count": 0, "policy": policy,
        });
        Self {
            ids: HashMap::new(),
            own,
            times: named_times,
            leases: Vec::new(),
            states: HashMap::new(),
            history: Vec::new(),
            run: object(run),
            others: Map::new(),
        }
    }

    fn id(&self, id: Uuid) -> Value {
        json!(self.ids.get(&id).map_or_else(|| id.to_string(), |name| (*name).to_owned()))
    }

    fn lease(&mut self, lease: LeaseId) -> String {
        let known = self.leases.iter().position(|known| *known == lease);
        let nth = known.unwrap_or_else(|| {
            self.leases.push(lease);
            self.leases.len() - 1
        });
        format!("lease{nth}")
    }

    fn time(&mut self, time: Time, step: usize, of_state: Time) -> String {
        if let Some(name) = self.times.get(&time) {
            return name.clone();
        }
        self.times.insert(time, format!("due@{step}"));
        format!("{:+.0}s", time.seconds_since(of_state))
    }

    /// A state that was answered at a step.
    pub fn state(&mut self, state: Option<&State>, step: usize) -> Value {
        let Some(state) = state else { return Value::Null };
        let before = self.states.get(&state.id).filter(|(first, _)| *first != step).cloned();
        if before.is_none() {
            self.times.entry(state.timestamp).or_insert_with(|| format!("@{step}"));
        }
        let mut told = brief(state);
        let details = self.details(&state.state_details, step, state.timestamp);
        if !details.is_empty() {
            told.insert("details".into(), details.into());
        }
        match before {
            Some((first, known)) if known == Value::Object(told.clone()) => json!({ "same": first }),
            Some((first, _)) => {
                told.insert("same".into(), first.into());
                told.into()
            }
            None => {
                self.states.insert(state.id, (step, told.clone().into()));
                told.into()
            }
        }
    }

    fn details(&mut self, details: &StateDetails, step: usize, of_state: Time) -> Map<String, Value> {
        let mut told = object(serde_json::to_value(details).unwrap_or_default());
        told.retain(|name, value| match name.as_str() {
            "deferred" => *value != json!(false),
            "untrackable_result" | "pause_reschedule" => *value == json!(true),
            _ => !value.is_null(),
        });
        for (name, run) in [
            ("flow_run_id", details.flow_run_id.map(|id| id.0)),
            ("task_run_id", details.task_run_id.map(|id| id.0)),
            ("child_flow_run_id", details.child_flow_run_id.map(|id| id.0)),
        ] {
            let Some(run) = run else { continue };
            match self.id(run) {
                Value::String(called) if called == "run" && name == self.own => told.remove(name),
                called => told.insert(name.into(), called),
            };
        }
        for (name, time) in [
            ("scheduled_time", details.scheduled_time),
            ("cache_expiration", details.cache_expiration),
            ("pause_timeout", details.pause_timeout),
        ] {
            if let Some(time) = time {
                told.insert(name.into(), self.time(time, step, of_state).into());
            }
        }
        if let Some(lease) = details.deployment_concurrency_lease_id {
            told.insert("deployment_concurrency_lease_id".into(), self.lease(lease).into());
        }
        told
    }

    /// The state of the task run that stands for the run.
    pub fn parent_state(&self, state: &State) -> Value {
        let mut told = brief(state);
        let details = &state.state_details;
        told.insert(
            "details".into(),
            json!({
                "flow_run_id": details.flow_run_id.map(|run| self.id(run.0)),
                "task_run_id": details.task_run_id.map(|run| self.id(run.0)),
                "child_flow_run_id": details.child_flow_run_id.map(|run| self.id(run.0)),
            }),
        );
        told.into()
    }

    /// What has changed of the run.
    pub fn run(&mut self, progress: &Progress, others: Value) -> Option<Value> {
        let mut now = object(others);
        if let Some(state) = &progress.state {
            now.insert("state_type".into(), json!(state.type_));
            now.insert("state_name".into(), json!(state.name));
            if self.history.last().is_none_or(|(id, ..)| *id != state.id) {
                self.history.push((state.id, state.type_, state.timestamp));
            }
        } else {
            now.insert("state_type".into(), Value::Null);
            now.insert("state_name".into(), Value::Null);
        }
        now.insert("run_count".into(), json!(progress.run_count));
        for (name, time) in [
            ("expected_start_time", progress.expected_start_time),
            ("start_time", progress.start_time),
            ("end_time", progress.end_time),
            ("next_scheduled_start_time", progress.next_scheduled_start_time),
        ] {
            let called = time.map(|time| self.times.get(&time).map_or("?", String::as_str));
            now.insert(name.into(), json!(called));
        }
        let spent: i64 = self
            .history
            .windows(2)
            .filter(|pair| pair[0].1 == StateType::Running)
            .map(|pair| pair[1].2.micros() - pair[0].2.micros())
            .sum();
        let told = if spent == progress.total_run_micros { json!("as told") } else { json!(progress.total_run_micros) };
        now.insert("total_run_time".into(), told);
        let changes: Map<String, Value> = now
            .iter()
            .filter(|(name, value)| self.run.get(*name) != Some(value))
            .map(|(n, v)| (n.clone(), v.clone()))
            .collect();
        self.run.extend(now);
        (!changes.is_empty()).then(|| changes.into())
    }

    /// A value beside the run, where it has changed.
    pub fn changed(&mut self, name: &str, value: Value, into: &mut Map<String, Value>) {
        if self.others.insert(name.into(), value.clone()).as_ref() != Some(&value) {
            into.insert(name.into(), value);
        }
    }
}

fn brief(state: &State) -> Map<String, Value> {
    let mut told = object(json!({ "type": state.type_, "name": state.name }));
    if let Some(message) = &state.message {
        told.insert("message".into(), json!(message));
    }
    if let Some(data) = &state.data {
        told.insert("data".into(), data.to_value());
    }
    told
}

pub fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

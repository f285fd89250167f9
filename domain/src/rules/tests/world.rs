//! A store in memory, just large enough to play a recorded scenario: it provides the facts and carries out the effects.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde_json::{Map, Value, json};
use uuid::Uuid;
use wire::Time;

use super::seen::{Seen, object};
use super::{at, id};
use crate::ids::{DeploymentId, FlowRunId, LeaseId, LimitId, StateId, TaskRunId};
use crate::rules::caller::{ApiVersion, Caller, ClientVersion};
use crate::rules::decision::{Decision, Effect, NewLease, Verdict};
use crate::rules::facts::{
    CollisionStrategy, ConcurrencyOptions, DeploymentFacts, EnclosingRun, FlowFacts, LimitFacts, OtherTask, TaskFacts,
};
use crate::rules::{FlowPolicy, Proposal, TaskPolicy, decide_flow, decide_task};
use crate::run::{FlowRunCore, FlowRunPolicy, Progress, TaskRunCore, TaskRunPolicy};
use crate::settings::Settings;
use crate::state::{State, StateDetails, StateType};

/// When a world begins; half a second past, so that times a scenario names are told from its own.
const BEGIN: Time = Time::from_micros(1_800_000_000_500_000);

pub struct World {
    now: Time,
    scenario: Value,
    seen: Seen,
    subject: Subject,
    /// The flow run around a task run, or around the parent task run.
    outer: Option<FlowRunCore>,
    parent: Option<TaskRunCore>,
    deployment: Option<DeploymentFacts>,
    tag_limits: Vec<LimitFacts>,
    leases: BTreeMap<LeaseId, NewLease>,
    /// Key, expiration, state; newest last.
    cache: Vec<(String, Option<Time>, StateId)>,
    states: HashMap<StateId, State>,
    unexpected: Vec<String>,
}

enum Subject {
    Flow(FlowRunCore),
    Task(TaskRunCore),
}

struct Step {
    state: State,
    force: bool,
    caller: Caller,
}

/// A time that a scenario names, `{{now+60}}`.
fn named_time(text: &str) -> Option<Time> {
    let seconds: i64 = text.strip_prefix("{{now")?.strip_suffix("}}")?.parse().ok()?;
    Some(at(BEGIN.micros() / 1_000_000 + seconds))
}

/// With the times that are named filled in.
fn rendered(value: &Value, named: &mut HashMap<Time, String>) -> Value {
    match value {
        Value::String(text) => match named_time(text) {
            Some(time) => {
                named.insert(time, text[2..text.len() - 2].to_owned());
                json!(time)
            }
            None => value.clone(),
        },
        Value::Array(items) => items.iter().map(|item| rendered(item, named)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, field)| (name.clone(), rendered(field, named))).collect::<Map<_, _>>().into()
        }
        _ => value.clone(),
    }
}

fn flow_policy_told(policy: &FlowRunPolicy) -> Value {
    let keys: Vec<&str> = policy
        .pause_keys
        .iter()
        .flatten()
        .map(|key| if Uuid::parse_str(key).is_ok() { "<uuid>" } else { key })
        .collect();
    json!({
        "pause_keys": keys, "resuming": policy.resuming, "retry_type": policy.retry_type,
        "retries": policy.retries, "retry_delay": policy.retry_delay,
    })
}

fn task_policy_told(policy: &TaskRunPolicy) -> Value {
    json!({ "retries": policy.retries, "retry_delay": policy.retry_delay })
}

fn flow_run(n: u128, policy: FlowRunPolicy) -> FlowRunCore {
    FlowRunCore {
        id: FlowRunId(id(n)),
        name: "run".into(),
        deployment_id: None,
        parent_task_run_id: None,
        infrastructure_pid: None,
        empirical_policy: policy,
        progress: Progress::default(),
    }
}

fn task_run(n: u128, flow_run: Option<FlowRunId>, tags: Vec<String>, policy: TaskRunPolicy) -> TaskRunCore {
    TaskRunCore {
        id: TaskRunId(id(n)),
        flow_run_id: flow_run,
        task_key: "key".into(),
        tags,
        flow_run_run_count: 0,
        empirical_policy: policy,
        progress: Progress::default(),
    }
}

fn limit(n: u128, name: String, limit: i64, active_slots: i64) -> LimitFacts {
    LimitFacts { id: LimitId(id(n)), name, active: true, limit, active_slots, avg_slot_occupancy_seconds: 2.0 }
}

impl World {
    /// A world as a scenario describes it, before the run is made.
    pub fn new(scenario: &Value) -> Self {
        let mut named = HashMap::new();
        let scenario = rendered(scenario, &mut named);
        let create = &scenario["create"];
        let policy = create.get("empirical_policy").cloned().unwrap_or(json!({}));
        let is_flow = scenario["kind"] == "flow";
        let mut seen = Seen::new(
            if is_flow { "flow_run_id" } else { "task_run_id" },
            if is_flow {
                flow_policy_told(&FlowRunPolicy::default())
            } else {
                task_policy_told(&TaskRunPolicy::default())
            },
            named,
        );
        seen.ids.extend([(id(1), "run"), (id(2), "outer"), (id(3), "parent")]);

        let deployment = scenario.get("deployment").map(|deployment| {
            let options = deployment.get("concurrency_options");
            let held = scenario.get("hold").and_then(Value::as_i64).unwrap_or(0);
            let limit = deployment
                .get("concurrency_limit")
                .and_then(Value::as_i64)
                .map(|n| limit(10, "deployment".into(), n, held));
            DeploymentFacts {
                limit_id: limit.as_ref().map(|limit| limit.id),
                limit,
                options: options.map(|options| ConcurrencyOptions {
                    collision_strategy: match options["collision_strategy"].as_str() {
                        Some("CANCEL_NEW") => CollisionStrategy::CancelNew,
                        _ => CollisionStrategy::Enqueue,
                    },
                    grace_period: options["grace_period_seconds"].as_u64().map(Duration::from_secs),
                }),
            }
        });
        let tag_limits = scenario["tag_limits"].as_object().into_iter().flatten().enumerate();
        let tag_limits = tag_limits
            .map(|(n, (tag, slots))| limit(20 + n as u128, format!("tag:{tag}"), slots.as_i64().unwrap_or(0), 0))
            .collect();

        let subject = if is_flow {
            let policy: FlowRunPolicy = serde_json::from_value(policy).expect("a policy");
            let mut run = flow_run(1, policy.normalised());
            run.deployment_id = deployment.is_some().then_some(DeploymentId(id(4)));
            run.parent_task_run_id = scenario.get("parent").is_some().then_some(TaskRunId(id(3)));
            Subject::Flow(run)
        } else {
            let policy: TaskRunPolicy = serde_json::from_value(policy).expect("a policy");
            let tags = create["tags"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|tag| tag.as_str().map(str::to_owned))
                .collect();
            Subject::Task(task_run(1, scenario.get("flow_run").map(|_| FlowRunId(id(2))), tags, policy.normalised()))
        };
        let mut world = Self {
            now: BEGIN,
            seen,
            subject,
            outer: None,
            parent: None,
            deployment,
            tag_limits,
            leases: BTreeMap::new(),
            cache: Vec::new(),
            states: HashMap::new(),
            unexpected: Vec::new(),
            scenario,
        };
        if let Some(outer) = world.scenario.get("flow_run").cloned() {
            world.outer = Some(flow_run(2, FlowRunPolicy::default()));
            world.set_outer(&outer["state"]);
        }
        if world.scenario.get("parent").is_some() {
            world.outer = Some(flow_run(2, FlowRunPolicy::default()));
            world.set_outer(&json!({ "type": "RUNNING" }));
            let mut parent = task_run(3, Some(FlowRunId(id(2))), Vec::new(), TaskRunPolicy::default());
            let state = world.step_of(&json!({ "propose": { "type": "PENDING" } })).state;
            parent = decide_task(
                world.proposal(parent, state, &TaskFacts::default(), &Caller::default()),
                TaskPolicy::Minimal,
            )
            .run;
            world.parent = Some(parent);
        }
        world
    }

    fn proposal<'a, R: crate::rules::Run>(
        &self,
        run: R,
        state: State,
        facts: &'a R::Facts,
        caller: &'a Caller,
    ) -> Proposal<'a, R> {
        static SETTINGS: std::sync::LazyLock<Settings> = std::sync::LazyLock::new(Settings::default);
        Proposal { run, state, facts, caller, now: self.now, settings: &SETTINGS, seed: self.now.micros() as u64 }
    }

    fn step_of(&mut self, step: &Value) -> Step {
        self.now = self.now + Duration::from_millis(10);
        let body = &step["propose"];
        let type_: StateType = body["type"].as_str().and_then(|t| t.parse().ok()).expect("a type");
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let data = body.get("data").map(wire::RawJson::of);
        let details = body.get("state_details").cloned().unwrap_or(json!({}));
        let details: StateDetails = serde_json::from_value(details).expect("details");
        Step {
            state: State::proposed(
                StateId::new(self.now),
                self.now,
                type_,
                text("name"),
                text("message"),
                data,
                details,
            ),
            force: step["force"] == true,
            caller: Caller {
                api_version: step["api"].as_str().and_then(ApiVersion::parse),
                client: step["client"].as_str().and_then(ClientVersion::parse),
            },
        }
    }

    fn set_outer(&mut self, body: &Value) {
        let state = self.step_of(&json!({ "propose": body })).state;
        let outer = self.outer.take().expect("a flow run");
        let decision =
            decide_flow(self.proposal(outer, state, &FlowFacts::default(), &Caller::default()), FlowPolicy::Minimal);
        self.outer = Some(decision.run);
    }

    /// Makes the run.
    pub fn created(&mut self) -> Value {
        let state = self.scenario["create"].get("state").cloned().unwrap_or(json!({ "type": "PENDING" }));
        let mut told = Map::new();
        let step = self.step_of(&json!({ "propose": state, "force": true }));
        self.set(step);
        let progress = match &self.subject {
            Subject::Flow(run) => &run.progress,
            Subject::Task(run) => &run.progress,
        };
        told.insert("state".into(), self.seen.state(progress.state.as_ref(), 0));
        self.around(&mut told);
        told.into()
    }

    pub fn step(&mut self, n: usize, step: &Value) -> Value {
        let mut told = Map::new();
        let mut answered = None;
        let step = &rendered(step, &mut HashMap::new());
        if let Some(body) = step.get("flow") {
            self.set_outer(body);
        } else if let Some(patch) = step.get("patch") {
            if let Subject::Flow(run) = &mut self.subject {
                run.infrastructure_pid = patch["infrastructure_pid"].as_str().map(str::to_owned);
            }
        } else if step.get("release_lease").is_some() {
            let leases: Vec<LeaseId> = self.leases.keys().copied().collect();
            leases.into_iter().for_each(|lease| self.release(lease));
        } else if step.get("resume").is_some() {
            answered = Some(self.resume());
        } else {
            let step = self.step_of(step);
            answered = Some(self.set(step));
        }
        if let Some((verdict, state, wrote)) = answered {
            told.insert("status".into(), json!(if wrote { 201 } else { 200 }));
            told.insert("answer".into(), json!(verdict.status()));
            let mut details = object(serde_json::to_value(&verdict).unwrap_or_default());
            details.remove("type");
            if let Some(Value::String(reason)) = details.get_mut("reason") {
                *reason = reason.replace(&id(2).to_string(), "<outer>");
            }
            if !details.is_empty() {
                told.insert("details".into(), details.into());
            }
            told.insert("state".into(), self.seen.state(state.as_ref(), n));
        }
        self.around(&mut told);
        told.into()
    }

    /// What the API does where a run is resumed.
    fn resume(&mut self) -> (Verdict, Option<State>, bool) {
        let Subject::Flow(run) = &self.subject else { panic!("only flow runs are resumed") };
        let Some(paused) = run.progress.state.as_ref().filter(|state| state.is_paused()) else {
            return (Verdict::Abort { reason: "Cannot resume a flow run that is not paused.".into() }, None, false);
        };
        let to = if paused.state_details.pause_reschedule {
            json!({ "type": "SCHEDULED", "name": "Resuming" })
        } else {
            json!({ "type": "RUNNING" })
        };
        let step = self.step_of(&json!({ "propose": to }));
        self.set(step)
    }

    fn set(&mut self, step: Step) -> (Verdict, Option<State>, bool) {
        match &self.subject {
            Subject::Flow(run) => {
                let held =
                    run.progress.state.as_ref().and_then(|state| state.state_details.deployment_concurrency_lease_id);
                let facts = FlowFacts {
                    deployment: self.deployment.clone(),
                    lease_stands: held.is_some_and(|lease| self.leases.contains_key(&lease)),
                    parent_task: self
                        .parent
                        .clone()
                        .map(|run| Box::new(OtherTask { run, facts: TaskFacts::default() })),
                    ..FlowFacts::default()
                };
                let decision = decide_flow(
                    self.proposal(run.clone(), step.state, &facts, &step.caller),
                    FlowPolicy::of_request(step.force),
                );
                self.subject = Subject::Flow(decision.run.clone());
                self.carry_out(decision)
            }
            Subject::Task(run) => {
                let facts = self.task_facts(run, &step.state);
                let decision = decide_task(
                    self.proposal(run.clone(), step.state, &facts, &step.caller),
                    TaskPolicy::of_request(step.force),
                );
                self.subject = Subject::Task(decision.run.clone());
                self.carry_out(decision)
            }
        }
    }

    fn task_facts(&self, run: &TaskRunCore, proposed: &State) -> TaskFacts {
        let state = |run: &FlowRunCore| run.progress.state.clone();
        let key = proposed.state_details.cache_key.as_ref();
        let hit = self
            .cache
            .iter()
            .rev()
            .find(|(cached, expires, _)| Some(cached) == key && expires.is_none_or(|at| at > self.now));
        TaskFacts {
            flow_run: self.outer.as_ref().map(|outer| EnclosingRun {
                id: outer.id,
                run_count: outer.progress.run_count,
                state_type: state(outer).map(|state| state.type_),
                pause_timeout: state(outer).and_then(|state| state.state_details.pause_timeout),
                pause_reschedule: state(outer).is_some_and(|state| state.state_details.pause_reschedule),
            }),
            cached: hit.and_then(|(_, _, state)| self.states.get(state).cloned()),
            tag_limits: self
                .tag_limits
                .iter()
                .filter(|limit| run.tags.iter().any(|tag| tag == limit.tag()))
                .cloned()
                .collect(),
            held_leases: self.leases.keys().copied().collect(),
        }
    }

    fn carry_out<R: crate::rules::Run>(&mut self, decision: Decision<R>) -> (Verdict, Option<State>, bool) {
        let wrote = decision.written.is_some();
        if let Some(written) = decision.written {
            self.states.insert(written.state.id, written.state);
        }
        for effect in decision.effects {
            match effect {
                Effect::Secure(lease) => {
                    self.take(&lease.limits, lease.slots);
                    self.leases.insert(lease.id, lease);
                }
                Effect::Renew { lease, .. } | Effect::Hold { lease } => assert!(self.leases.contains_key(&lease)),
                Effect::Release { lease } => self.release(lease),
                Effect::GiveBack { limit, slots } => self.take(&[limit], -slots),
                Effect::Cache { key, expiration, state } => self.cache.push((key, expiration, state)),
                Effect::Task(decision) => self.parent = Some(decision.run),
                Effect::ForgetInputs { .. } | Effect::Offer { .. } => {}
            }
        }
        (decision.result.verdict, decision.result.state, wrote)
    }

    fn release(&mut self, lease: LeaseId) {
        if let Some(lease) = self.leases.remove(&lease) {
            self.take(&lease.limits, -lease.slots);
        }
    }

    fn take(&mut self, limits: &[LimitId], slots: i64) {
        let own = self.deployment.iter_mut().filter_map(|deployment| deployment.limit.as_mut());
        for limit in own.chain(&mut self.tag_limits).filter(|limit| limits.contains(&limit.id)) {
            limit.active_slots = (limit.active_slots + slots).max(0);
            if limit.active_slots > limit.limit {
                self.unexpected.push(format!("{} has {} of {} slots", limit.name, limit.active_slots, limit.limit));
            }
        }
    }

    /// How everything stands.
    fn around(&mut self, told: &mut Map<String, Value>) {
        assert!(self.unexpected.is_empty(), "{:?}", self.unexpected);
        let run = match &self.subject {
            Subject::Flow(run) => self.seen.run(&run.progress, json!({ "policy": flow_policy_told(&run.empirical_policy) })),
            Subject::Task(run) => self.seen.run(
                &run.progress,
                json!({ "policy": task_policy_told(&run.empirical_policy), "flow_run_run_count": run.flow_run_run_count }),
            ),
        };
        if let Some(run) = run {
            told.insert("run".into(), run);
        }
        if let Some(parent) = &self.parent {
            let state = parent.progress.state.as_ref().map(|state| self.seen.parent_state(state));
            let parent = json!({ "state": state, "run_count": parent.progress.run_count });
            self.seen.changed("parent", parent, told);
        }
        if let Some(limit) = self.deployment.as_ref().and_then(|deployment| deployment.limit.as_ref()) {
            self.seen.changed("slots", json!(limit.active_slots), told);
        }
        if !self.tag_limits.is_empty() {
            let slots: Map<String, Value> =
                self.tag_limits.iter().map(|limit| (limit.tag().to_owned(), json!(limit.active_slots))).collect();
            self.seen.changed("tag_slots", slots.into(), told);
        }
    }
}

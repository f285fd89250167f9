//! One proposed change of state while the rules look at it.

use wire::Time;

use super::caller::Caller;
use super::chance::Chance;
use super::decision::{Effect, ResultArtifact, Verdict, Written, is_unpersisted};
use super::facts::{FlowFacts, TaskFacts};
use crate::ids::{LeaseId, StateId};
use crate::run::{FlowRunCore, FlowRunPolicy, Progress, TaskRunCore};
use crate::settings::Settings;
use crate::state::{State, StateDetails, StateType};
use wire::RawJson;

/// A kind of run: what flow runs and task runs have in common for the rules.
pub trait Run: Clone + PartialEq + 'static {
    type Facts;
    fn progress(&self) -> &Progress;
    fn progress_mut(&mut self) -> &mut Progress;
    /// Writes the run's ids into the details of its state.
    fn sign(&self, details: &mut StateDetails);
    /// An artifact for a result of this run.
    fn artifact(&self) -> ResultArtifact;
}

impl Run for FlowRunCore {
    type Facts = FlowFacts;

    fn progress(&self) -> &Progress {
        &self.progress
    }

    fn progress_mut(&mut self) -> &mut Progress {
        &mut self.progress
    }

    fn sign(&self, details: &mut StateDetails) {
        details.flow_run_id = Some(self.id);
    }

    fn artifact(&self) -> ResultArtifact {
        ResultArtifact { flow_run_id: Some(self.id), ..ResultArtifact::default() }
    }
}

impl Run for TaskRunCore {
    type Facts = TaskFacts;

    fn progress(&self) -> &Progress {
        &self.progress
    }

    fn progress_mut(&mut self) -> &mut Progress {
        &mut self.progress
    }

    fn sign(&self, details: &mut StateDetails) {
        details.flow_run_id = self.flow_run_id;
        details.task_run_id = Some(self.id);
    }

    fn artifact(&self) -> ResultArtifact {
        ResultArtifact { flow_run_id: self.flow_run_id, task_run_id: Some(self.id), ..ResultArtifact::default() }
    }
}

/// What a guard remembers between entering a transition and leaving it.
#[derive(Debug, Default)]
pub enum Kept {
    #[default]
    Nothing,
    Lease(LeaseId),
    PauseKey(String),
    Policy(FlowRunPolicy),
    RunCount(i64),
}

/// A set of state types and "no state".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct States(u16);

impl States {
    const NO_STATE: u16 = 1 << 15;
    /// Every type, and none.
    pub const ALL: States = States(((1 << 9) - 1) | Self::NO_STATE);
    /// Those a run ends in.
    pub const TERMINAL: States = States::of(&StateType::TERMINAL);

    pub const fn of(types: &[StateType]) -> Self {
        let (mut set, mut i) = (0, 0);
        while i < types.len() {
            set |= 1 << types[i].number();
            i += 1;
        }
        Self(set)
    }

    /// Everything but these types.
    pub const fn but(types: &[StateType]) -> Self {
        Self(Self::ALL.0 & !Self::of(types).0)
    }

    pub fn has(self, state: Option<StateType>) -> bool {
        self.0 & state.map_or(Self::NO_STATE, |t| 1 << t.number()) != 0
    }
}

/// The transition: what is asked, what is known, and what the rules have made of it so far.
///
/// While the rules run, the run's `progress.state` is empty; the state it is in is [`Transition::initial`].
#[derive(Debug)]
pub struct Transition<'a, R: Run> {
    pub run: R,
    pub facts: &'a R::Facts,
    pub caller: &'a Caller,
    pub settings: &'a Settings,
    pub now: Time,
    pub chance: Chance,
    pub initial: Option<State>,
    /// What would be written; `None` once a rule has decided that nothing is.
    pub proposed: Option<State>,
    /// After the rules have agreed: the state the run is in then, which is the answer.
    pub validated: Option<State>,
    pub verdict: Verdict,
    pub effects: Vec<Effect>,
    pub announced: bool,
    /// The type the guard at work expects to be written: its own rejection does not make it fizzle.
    pub(super) expected: Option<StateType>,
}

impl<R: Run> Transition<'_, R> {
    /// The current and the proposed state, where both are there.
    pub fn both(&mut self) -> Option<(&State, &mut State)> {
        Some((self.initial.as_ref()?, self.proposed.as_mut()?))
    }

    pub fn proposed_type(&self) -> Option<StateType> {
        self.proposed.as_ref().map(|state| state.type_)
    }

    pub fn next_state_id(&mut self) -> StateId {
        self.chance.state_id(self.now)
    }

    /// Write another state instead.
    pub fn reject_with(&mut self, state: State, reason: impl Into<String>) {
        self.expected = Some(state.type_);
        self.proposed = Some(state);
        self.verdict = Verdict::Reject { reason: reason.into() };
    }

    /// Leave the run in its state, and tell the client so.
    pub fn reject(&mut self, reason: impl Into<String>) {
        self.nullify(Verdict::Reject { reason: reason.into() });
    }

    pub fn abort(&mut self, reason: impl Into<String>) {
        self.nullify(Verdict::Abort { reason: reason.into() });
    }

    pub fn delay(&mut self, delay_seconds: i64, reason: impl Into<String>) {
        self.nullify(Verdict::Wait { delay_seconds, reason: reason.into() });
    }

    fn nullify(&mut self, verdict: Verdict) {
        self.expected = None;
        self.proposed = None;
        self.verdict = verdict;
    }

    pub fn rename(&mut self, name: &str) {
        if let Some(state) = &mut self.proposed {
            state.name = Some(name.to_owned());
        }
    }

    /// Takes back the lease that a guard has secured, as if it never had.
    pub fn unsecure(&mut self, lease: LeaseId) {
        self.effects.retain(|effect| !matches!(effect, Effect::Secure(new) if new.id == lease));
    }

    /// Fixes what is written and what is answered.
    pub(super) fn validate(&mut self) -> Option<Written> {
        let Some(mut answer) = self.proposed.clone() else {
            self.validated = self.initial.clone();
            return None;
        };
        let mut artifact = None;
        let mut kept = None;
        if let Some(data) = answer.data.take() {
            // A result that was not persisted is shown to whoever set the state, and never again.
            if is_unpersisted(&data) {
                answer.data = Some(data);
            } else {
                let mut result = self.run.artifact();
                kept = Some(take_artifact_fields(data, &mut result));
                answer.data.clone_from(&kept);
                artifact = Some(result);
            }
        }
        let state = State { data: kept, ..answer.clone() };
        self.validated = Some(answer);
        Some(Written { state, artifact })
    }
}

/// Moves what a result says of its own artifact out of the data.
fn take_artifact_fields(data: RawJson, artifact: &mut ResultArtifact) -> RawJson {
    // Most results say nothing of the kind; only those that may are taken apart.
    if !data.text().contains("\"artifact_") {
        return data;
    }
    let serde_json::Value::Object(mut fields) = data.to_value() else { return data };
    let mut take = |name: &str| match fields.remove(name) {
        Some(serde_json::Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    };
    artifact.key = take("artifact_key");
    artifact.type_ = take("artifact_type");
    artifact.description = take("artifact_description");
    RawJson::of(&fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_states_hold_what_they_say() {
        assert!(States::ALL.has(None) && StateType::ALL.iter().all(|t| States::ALL.has(Some(*t))));
        let paused = States::of(&[StateType::Paused]);
        assert!(paused.has(Some(StateType::Paused)) && !paused.has(Some(StateType::Running)) && !paused.has(None));
        let others = States::but(&[StateType::Paused]);
        assert!(!others.has(Some(StateType::Paused)) && others.has(Some(StateType::Cancelling)) && others.has(None));
        assert!(!States::TERMINAL.has(None) && States::TERMINAL.has(Some(StateType::Crashed)));
    }

    #[test]
    fn a_result_names_its_artifact() {
        let mut artifact = ResultArtifact::default();
        let data =
            RawJson::from_text(r#"{"a":1,"artifact_key":"k","artifact_type":"","artifact_description":"d"}"#.into());
        let rest = data.map(|data| take_artifact_fields(data, &mut artifact));
        assert_eq!(rest, RawJson::from_text(r#"{"a":1}"#.into()));
        assert_eq!(
            (artifact.key.as_deref(), artifact.type_, artifact.description.as_deref()),
            (Some("k"), None, Some("d"))
        );
    }
}

//! The policies: which rules hold, in which order. The reference's names and order are kept, so that the two can be laid
//! side by side.
//!
//! Not here, because they have nothing to do: `SetRunStateType`, `SetRunStateName` and `SetRunStateTimestamp` (a run carries
//! its state whole), and the client-side policy, which no server uses.

use super::Rule::{self, Guard, Transform};
use super::both::*;
use super::flow::*;
use super::task::*;
use crate::run::{FlowRunCore, TaskRunCore};

/// Which rules a flow run's transition is put to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowPolicy {
    /// What clients propose.
    Core,
    /// What is forced, and what the server itself sets without asking: creation, expired pauses, cancelled subflows.
    Minimal,
    /// Marking a run late.
    MarkLate,
}

impl FlowPolicy {
    /// The policy of a client's proposal.
    pub fn of_request(force: bool) -> Self {
        if force { Self::Minimal } else { Self::Core }
    }

    pub(super) fn rules(self) -> &'static [Rule<FlowRunCore>] {
        match self {
            Self::Core => CORE_FLOW,
            Self::Minimal => MINIMAL_FLOW,
            Self::MarkLate => MARK_LATE,
        }
    }
}

/// Which rules a task run's transition is put to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskPolicy {
    /// What clients propose.
    Core,
    /// What is forced.
    Minimal,
    /// Whatever is proposed for a deferred task run, even by force.
    Background,
}

impl TaskPolicy {
    /// The policy of a client's proposal.
    pub fn of_request(force: bool) -> Self {
        if force { Self::Minimal } else { Self::Core }
    }

    pub(super) fn rules(self) -> &'static [Rule<TaskRunCore>] {
        match self {
            Self::Core => CORE_TASK,
            Self::Minimal => MINIMAL_TASK,
            Self::Background => BACKGROUND_TASK,
        }
    }
}

const CORE_FLOW: &[Rule<FlowRunCore>] = &[
    Transform(&PreserveDeploymentConcurrencyLeaseId),
    Guard(&PreventDuplicateTransitions),
    Guard(&HandleFlowTerminalStateTransitions),
    Guard(&EnforceCancellingToCancelledTransition),
    Guard(&BypassCancellingFlowRunsWithNoInfra),
    Guard(&PreventPendingTransitions),
    Guard(&ValidateDeploymentConcurrencyAtRunning),
    Guard(&SecureFlowConcurrencySlots),
    Guard(&RemoveDeploymentConcurrencyLeaseForOldClientVersions),
    Guard(&EnsureOnlyScheduledFlowsMarkedLate),
    Guard(&HandlePausingFlows),
    Guard(&HandleResumingPausedFlows),
    Guard(&CopyScheduledTime),
    Guard(&WaitForScheduledTime),
    Guard(&RetryFailedFlows),
    Transform(&InstrumentFlowRunStateTransitions),
    Transform(&ReleaseFlowConcurrencySlots),
];

const MINIMAL_FLOW: &[Rule<FlowRunCore>] = &[
    Transform(&PreserveDeploymentConcurrencyLeaseId),
    Guard(&PreventResultDataLoss),
    Guard(&BypassCancellingFlowRunsWithNoInfra),
    Transform(&InstrumentFlowRunStateTransitions),
    Transform(&ReleaseFlowConcurrencySlots),
];

const MARK_LATE: &[Rule<FlowRunCore>] = &[
    Guard(&EnsureOnlyScheduledFlowsMarkedLate),
    Guard(&EnforceDeploymentConcurrencyOnLate),
    Transform(&InstrumentFlowRunStateTransitions),
];

pub(super) const GLOBAL_FLOW: &[Rule<FlowRunCore>] = &[
    Transform(&EnsureFlowRunStateTimestampIsUnique),
    Transform(&SetStartTime),
    Transform(&SetEndTime),
    Transform(&IncrementRunTime),
    Transform(&SetExpectedStartTime),
    Transform(&SetNextScheduledStartTime),
    Transform(&UpdateStateDetails),
    Transform(&UpdateSubflowParentTask),
    Transform(&UpdateSubflowStateDetails),
    Transform(&IncrementFlowRunCount),
    Transform(&RemoveResumingIndicator),
];

const CORE_TASK: &[Rule<TaskRunCore>] = &[
    Guard(&CacheRetrieval),
    Guard(&HandleTaskTerminalStateTransitions),
    Guard(&PreventRunningTasksFromStoppedFlows),
    // A cached state is found even where all slots are taken.
    Guard(&SecureTaskConcurrencySlots),
    Guard(&CopyScheduledTime),
    Guard(&WaitForScheduledTime),
    Guard(&RetryFailedTasks),
    Guard(&RenameReruns),
    Guard(&UpdateFlowRunTrackerOnTasks),
    Guard(&CacheInsertion),
    Transform(&ReleaseTaskConcurrencySlots),
];

const BACKGROUND_TASK: &[Rule<TaskRunCore>] = &[
    Guard(&PreventPendingTransitions),
    Guard(&CacheRetrieval),
    Guard(&HandleTaskTerminalStateTransitions),
    Guard(&CopyScheduledTime),
    Guard(&CopyTaskParametersID),
    Guard(&WaitForScheduledTime),
    Guard(&RetryFailedTasks),
    Guard(&RenameReruns),
    Guard(&UpdateFlowRunTrackerOnTasks),
    Guard(&CacheInsertion),
    Transform(&ReleaseTaskConcurrencySlots),
    Guard(&EnqueueScheduledTasks),
];

const MINIMAL_TASK: &[Rule<TaskRunCore>] = &[Transform(&ReleaseTaskConcurrencySlots)];

pub(super) const GLOBAL_TASK: &[Rule<TaskRunCore>] = &[
    Transform(&SetStartTime),
    Transform(&SetEndTime),
    Transform(&IncrementRunTime),
    Transform(&SetExpectedStartTime),
    Transform(&SetNextScheduledStartTime),
    Transform(&UpdateStateDetails),
    Transform(&IncrementTaskRunCount),
];

//! Rules for task runs, one a file.

mod cache_insertion;
mod cache_retrieval;
mod copy_parameters_id;
mod enqueue;
mod release_slots;
mod retry;
mod run_count;
mod secure_slots;
mod stopped_flow;
mod terminal;
mod track_flow_run;

pub(super) use cache_insertion::CacheInsertion;
pub(super) use cache_retrieval::CacheRetrieval;
pub(super) use copy_parameters_id::CopyTaskParametersID;
pub(super) use enqueue::EnqueueScheduledTasks;
pub(super) use release_slots::ReleaseTaskConcurrencySlots;
pub(super) use retry::RetryFailedTasks;
pub(super) use run_count::IncrementTaskRunCount;
pub(super) use secure_slots::SecureTaskConcurrencySlots;
pub(super) use stopped_flow::PreventRunningTasksFromStoppedFlows;
pub(super) use terminal::HandleTaskTerminalStateTransitions;
pub(super) use track_flow_run::UpdateFlowRunTrackerOnTasks;

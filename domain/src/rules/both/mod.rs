//! Rules that hold for flow runs and task runs alike.

mod copy_scheduled_time;
mod prevent_pending;
mod rename_reruns;
mod state_details;
mod times;
mod wait_for_scheduled_time;

pub(super) use copy_scheduled_time::CopyScheduledTime;
pub(super) use prevent_pending::PreventPendingTransitions;
pub(super) use rename_reruns::RenameReruns;
pub(super) use state_details::UpdateStateDetails;
pub(super) use times::{IncrementRunTime, SetEndTime, SetExpectedStartTime, SetNextScheduledStartTime, SetStartTime};
pub(super) use wait_for_scheduled_time::WaitForScheduledTime;

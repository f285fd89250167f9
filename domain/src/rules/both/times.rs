//! Bookkeeping of when a run was due, began, ended, and how long it ran.

use crate::rules::Transform;
use crate::rules::transition::{Run, Transition};

/// The first RUNNING begins the run.
pub struct SetStartTime;

impl<R: Run> Transform<R> for SetStartTime {
    fn before(&self, t: &mut Transition<'_, R>) {
        let Some(proposed) = &t.proposed else { return };
        if proposed.is_running() {
            t.run.progress_mut().start_time.get_or_insert(proposed.timestamp);
        }
    }
}

/// A final state ends the run, and leaving it for one that is not final unends it. A run that ends without having begun
/// began when it ended.
pub struct SetEndTime;

impl<R: Run> Transform<R> for SetEndTime {
    fn before(&self, t: &mut Transition<'_, R>) {
        let Some(proposed) = &t.proposed else { return };
        let progress = t.run.progress_mut();
        if !proposed.is_final() {
            if t.initial.as_ref().is_some_and(|initial| initial.is_final()) {
                progress.end_time = None;
            }
        } else if progress.end_time.is_none() {
            progress.start_time.get_or_insert(proposed.timestamp);
            progress.end_time = Some(proposed.timestamp);
        }
    }
}

/// Leaving RUNNING adds the time spent in it.
pub struct IncrementRunTime;

impl<R: Run> Transform<R> for IncrementRunTime {
    fn before(&self, t: &mut Transition<'_, R>) {
        let (Some(initial), Some(proposed)) = (&t.initial, &t.proposed) else { return };
        if initial.is_running() {
            t.run.progress_mut().total_run_micros += proposed.timestamp.micros() - initial.timestamp.micros();
        }
    }
}

/// The first state says when the run is expected to start: when it is due, or at once.
pub struct SetExpectedStartTime;

impl<R: Run> Transform<R> for SetExpectedStartTime {
    fn before(&self, t: &mut Transition<'_, R>) {
        let Some(proposed) = &t.proposed else { return };
        let expected = match proposed.is_scheduled() {
            true => proposed.state_details.scheduled_time,
            false => Some(proposed.timestamp),
        };
        let progress = t.run.progress_mut();
        progress.expected_start_time = progress.expected_start_time.or(expected);
    }
}

/// A SCHEDULED run is due at some time, any other is not.
pub struct SetNextScheduledStartTime;

impl<R: Run> Transform<R> for SetNextScheduledStartTime {
    fn before(&self, t: &mut Transition<'_, R>) {
        let Some(proposed) = &t.proposed else { return };
        let progress = t.run.progress_mut();
        if t.initial.as_ref().is_some_and(|initial| initial.is_scheduled()) {
            progress.next_scheduled_start_time = None;
        }
        if proposed.is_scheduled() {
            progress.next_scheduled_start_time = proposed.state_details.scheduled_time;
        }
    }
}

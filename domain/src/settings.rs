//! What an operator may tune of the rules.

use std::time::Duration;

use crate::concurrency_limits::OF_TAG;

/// Settings the rules read. [`Default`] gives the reference's values.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How far a run is put off that found its deployment's concurrency limit full.
    pub deployment_slot_wait: Duration,
    /// The longest a task run is told to wait for a slot of a tag's limit.
    pub tag_slot_wait: Duration,
    /// The longest that anybody else is told to wait for a slot that must be given back.
    pub slot_wait: Duration,
    /// How long a deployment's slot is held for a run that has not begun to renew its lease, where the deployment does not
    /// say. Between 30 seconds and one hour.
    pub initial_deployment_lease: Duration,
    /// Characters a cache key may have.
    pub max_cache_key_length: usize,
    /// How long after its scheduled time a run that waits is late.
    pub late_after: Duration,
    /// How long after it was asked to a run is cancelled that does not do it itself.
    pub cancelling_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            deployment_slot_wait: Duration::from_secs(30),
            tag_slot_wait: Duration::from_secs(10),
            slot_wait: Duration::from_secs(30),
            initial_deployment_lease: Duration::from_secs(300),
            max_cache_key_length: 2000,
            late_after: Duration::from_secs(15),
            cancelling_timeout: Duration::from_secs(300),
        }
    }
}

impl Settings {
    /// The longest wait for a slot of the limit of this name.
    pub fn longest_wait(&self, limit: &str) -> Duration {
        match limit.starts_with(OF_TAG) {
            true => self.tag_slot_wait,
            false => self.slot_wait,
        }
    }
}

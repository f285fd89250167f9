//! What an operator may tune of the rules.

use std::time::Duration;

/// Settings the rules read. [`Default`] gives the reference's values.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How far a run is put off that found its deployment's concurrency limit full.
    pub deployment_slot_wait: Duration,
    /// The longest a task run is told to wait for a slot of a tag's limit.
    pub tag_slot_wait: Duration,
    /// How long a deployment's slot is held for a run that has not begun to renew its lease, where the deployment does not
    /// say. Between 30 seconds and one hour.
    pub initial_deployment_lease: Duration,
    /// Characters a cache key may have.
    pub max_cache_key_length: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            deployment_slot_wait: Duration::from_secs(30),
            tag_slot_wait: Duration::from_secs(10),
            initial_deployment_lease: Duration::from_secs(300),
            max_cache_key_length: 2000,
        }
    }
}

//! What the program counts, a file for each concern. One registry is the source of `/metrics` (Prometheus text) and of the
//! metrics that go out over OTLP.
//!
//! Promises:
//! * Labels are bounded: operations, statuses, lanes, names that stand in the program. Never an account, a key or a path.
//! * Every metric is there from the start, at zero, so that a rule can tell "none" from "not measured". The exceptions are
//!   requests by operation, which appear with the first request.
//!
//! A new concern is a file with a struct made of a [`Maker`], and a field below.

mod cache;
mod cleanups;
mod connections;
mod events;
mod keys;
mod limits;
mod make;
mod polls;
mod pools;
mod program;
mod redis;
mod requests;
mod services;
mod sockets;
mod telemetry;
mod tokens;
mod workspaces;

use prometheus::proto::MetricFamily;
use prometheus::{Encoder, Registry, TextEncoder};

pub use cache::{Cache, Served};
pub use cleanups::Cleanups;
pub use connections::Connections;
pub use events::Events;
pub use keys::{Keys, Lookup};
pub use limits::Limits;
pub use make::Maker;
pub use polls::Polls;
pub use pools::Pools;
pub use program::Program;
pub use redis::Redis;
pub use requests::Requests;
#[cfg(test)]
pub use services::NAMES as SERVICES;
pub use services::Services;
pub use sockets::Sockets;
pub use telemetry::{Sent, Telemetry};
pub use tokens::{Bad, Tokens};
pub use workspaces::Workspaces;

pub struct Metrics {
    registry: Registry,
    pub requests: Requests,
    pub services: Services,
    pub connections: Connections,
    pub sockets: Sockets,
    pub events: Events,
    pub cache: Cache,
    pub cleanups: Cleanups,
    pub keys: Keys,
    pub tokens: Tokens,
    pub polls: Polls,
    pub pools: Pools,
    pub program: Program,
    pub redis: Redis,
    pub limits: Limits,
    pub telemetry: Telemetry,
    pub workspaces: Workspaces,
}

impl Metrics {
    /// # Panics
    /// Never: every name stands in the program, valid and once; a test makes them all.
    pub fn new() -> Self {
        let registry = Registry::new();
        let maker = Maker::new(&registry);
        Self {
            requests: Requests::new(&maker),
            services: Services::new(&maker),
            connections: Connections::new(&maker),
            sockets: Sockets::new(&maker),
            events: Events::new(&maker),
            cache: Cache::new(&maker),
            cleanups: Cleanups::new(&maker),
            keys: Keys::new(&maker),
            tokens: Tokens::new(&maker),
            polls: Polls::new(&maker),
            pools: Pools::new(&maker),
            program: Program::new(&maker),
            redis: Redis::new(&maker),
            limits: Limits::new(&maker),
            telemetry: Telemetry::new(&maker),
            workspaces: Workspaces::new(&maker),
            registry,
        }
    }

    /// Everything, as it is at this moment.
    pub fn gather(&self) -> Vec<MetricFamily> {
        self.pools.look();
        self.registry.gather()
    }

    /// Everything, as Prometheus reads it.
    pub fn text(&self) -> String {
        let mut out = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.gather(), &mut out) {
            tracing::error!(%error, "metrics could not be written");
        }
        String::from_utf8(out).unwrap_or_default()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_with_known_labels_is_there_at_zero() {
        let text = Metrics::new().text();
        for line in [
            "prefecture_sockets_refused_total{socket=\"/events/in\"} 0",
            "prefecture_events_quarantined_total{source=\"events\"} 0",
            "prefecture_cache_answers_total{kind=\"flows\",outcome=\"hit\"} 0",
            "prefecture_key_lookups_total{outcome=\"stood_in\"} 0",
            "prefecture_tokens_refused_total{why=\"not_yet_valid\"} 0",
            "prefecture_pool_wait_seconds_count{lane=\"hot\"} 0",
            "prefecture_control_pool_waiting 0",
            "prefecture_draining 0",
            "prefecture_polls_held 0",
            "prefecture_requests_waiting 0",
            "prefecture_worker_cleanups_total{outcome=\"given_up\"} 0",
            "prefecture_redis_up 0",
            "prefecture_service_failures_total{service=\"retention\"} 0",
            "prefecture_services_overdue_seconds 0",
            "prefecture_limited_total{limit=\"requests\"} 0",
            "prefecture_redis_failures_total{why=\"timeout\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
        assert!(text.contains("process_resident_memory_bytes"), "{text}");
    }
}

//! Web sockets: how many are open, how many were turned away.

use prometheus::{IntCounterVec, IntGauge};

use super::make::{Held, Maker};

/// Paths of the sockets.
const SOCKETS: &[&str] = &[
    "/events/in",
    "/events/out",
    "/logs/out",
    "/task_runs/subscriptions/scheduled",
    "/work_pools/{work_pool_name}/workers/connect",
];

pub struct Sockets {
    open: IntGauge,
    refused: IntCounterVec,
}

impl Sockets {
    pub fn new(maker: &Maker<'_>) -> Self {
        Self {
            open: maker.gauge("prefecture_sockets_open", "Open web sockets"),
            refused: maker.counters(
                "prefecture_sockets_refused_total",
                "Web sockets refused for want of a key",
                "socket",
                SOCKETS,
            ),
        }
    }

    /// Counts a socket as open until dropped.
    pub fn opened(&self) -> Held {
        Held::new(&self.open)
    }

    /// For want of a key that the client could have sent (see the README on connecting).
    pub fn refused(&self, socket: &'static str) {
        self.refused.with_label_values(&[socket]).inc();
    }
}

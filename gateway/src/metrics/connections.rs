//! Connections: how many are open, how many never came to a request, and the certificate they are opened with.

use prometheus::{IntCounterVec, IntGauge};

use super::make::{Held, Maker};

/// No place, no handshake of TLS, no header of the PROXY protocol, none of both in time.
const WHY: &[&str] = &["full", "tls", "proxy_protocol", "slow"];

pub struct Connections {
    open: IntGauge,
    refused: IntCounterVec,
    tls_reloads: IntCounterVec,
}

impl Connections {
    pub fn new(maker: &Maker<'_>) -> Self {
        Self {
            open: maker.gauge("prefecture_connections_open", "Open connections, web sockets among them"),
            refused: maker.counters(
                "prefecture_connections_refused_total",
                "Connections closed before a request could come",
                "why",
                WHY,
            ),
            tls_reloads: maker.counters(
                "prefecture_tls_reloads_total",
                "Changed certificates that were taken up, or could not be",
                "outcome",
                &["taken", "refused"],
            ),
        }
    }

    /// Counts a connection as open until dropped.
    pub fn opened(&self) -> Held {
        Held::new(&self.open)
    }

    /// `why`: one of the label's values.
    pub fn refused(&self, why: &'static str) {
        self.refused.with_label_values(&[why]).inc();
    }

    pub fn tls_reloaded(&self, outcome: &'static str) {
        self.tls_reloads.with_label_values(&[outcome]).inc();
    }
}

//! Telemetry itself: what the collector took and what it did not.

use prometheus::IntCounterVec;

use super::make::Maker;

#[derive(Debug, Clone, Copy)]
pub enum Sent {
    Taken,
    Failed,
}

pub struct Telemetry {
    sent: IntCounterVec,
}

impl Telemetry {
    pub fn new(maker: &Maker<'_>) -> Self {
        let made = maker.counters_by(
            "prefecture_telemetry_exports_total",
            "Messages to the OpenTelemetry collector, by how it took them",
            &["signal", "outcome"],
        );
        for signal in ["traces", "metrics"] {
            for outcome in [Sent::Taken, Sent::Failed] {
                made.with_label_values(&[signal, name(outcome)]).inc_by(0);
            }
        }
        Self { sent: made }
    }

    pub fn sent(&self, signal: &'static str, outcome: Sent) {
        self.sent.with_label_values(&[signal, name(outcome)]).inc();
    }
}

fn name(outcome: Sent) -> &'static str {
    match outcome {
        Sent::Taken => "taken",
        Sent::Failed => "failed",
    }
}

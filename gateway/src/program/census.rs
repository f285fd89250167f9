//! Counts the workspaces by the version of their schema, for the metrics.

use std::sync::Arc;
use std::time::Duration;

use tenant_store::control::Control;

use crate::metrics::Metrics;

/// Every replica counts: the count is of some thousand rows, and a metric from one replica alone would go away with it.
const EVERY: Duration = Duration::from_secs(60);

pub async fn census(control: Control, metrics: Arc<Metrics>) {
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        ticks.tick().await;
        match control.workspaces_by_version().await {
            Ok(by_version) => metrics.workspaces.counted(&by_version),
            Err(error) => tracing::debug!(%error, "the workspaces could not be counted"),
        }
    }
}

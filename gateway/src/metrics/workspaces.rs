//! Workspaces by the version of their schema: how far a migration has come.

use prometheus::IntGaugeVec;
use tenant_store::migrate::WORKSPACE_VERSION;

use super::make::Maker;

pub struct Workspaces {
    by_version: IntGaugeVec,
}

impl Workspaces {
    pub fn new(maker: &Maker<'_>) -> Self {
        let help = "Workspaces by the version of their schema, counted once a minute";
        let own = WORKSPACE_VERSION.to_string();
        Self { by_version: maker.gauges("prefecture_workspaces", help, "schema_version", &[&own]) }
    }

    pub fn counted(&self, by_version: &[(i32, i64)]) {
        // A version that no workspace has any more goes from the metrics too.
        self.by_version.reset();
        self.by_version.with_label_values(&[&WORKSPACE_VERSION.to_string()]).set(0);
        for (version, count) in by_version {
            self.by_version.with_label_values(&[&version.to_string()]).set(*count);
        }
    }
}

//! The program itself: its version, whether it drains, and what it takes of the machine (`process_…`: resident memory,
//! processor time, file descriptors).

use prometheus::IntGauge;
use prometheus::process_collector::ProcessCollector;

use super::make::Maker;

pub struct Program {
    pub draining: IntGauge,
}

impl Program {
    pub fn new(maker: &Maker<'_>) -> Self {
        maker.collector(ProcessCollector::for_self());
        let build = maker.gauges_by("prefecture_build_info", "Always 1; the version is the label", &["version"]);
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        Self { draining: maker.gauge("prefecture_draining", "1 once the program was told to stop") }
    }
}

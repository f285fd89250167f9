//! The program around the service: its commands, its listeners, its end.

mod metrics;
mod serve;

pub use metrics::Metrics;
pub use serve::{Serving, serve, serve_metrics};

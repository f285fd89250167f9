//! Deployments: what may be asked of them.

mod filter;

pub use filter::DeploymentFilter;

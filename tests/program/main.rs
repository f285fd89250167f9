//! The program as its operator meets it: how it starts, stops, refuses and comes back.

mod dashboards;
mod dev;
mod logging;
mod serve;
mod telemetry;
mod tenants;

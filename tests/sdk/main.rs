//! The unmodified SDK and command line of Prefect against the real program.

mod artifacts;
mod background_tasks;
mod blocks;
mod commands;
mod concurrency;
mod deployment_limits;
mod deployments;
mod events;
mod flows;
mod older;
mod projects;
mod runs;
mod schedules;
mod transfer;
mod variables;
mod work_pools;
mod workers;

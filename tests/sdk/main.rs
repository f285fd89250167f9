//! The unmodified SDK and command line of Prefect against the real program.

mod artifacts;
mod background_tasks;
mod blocks;
mod cli;
mod concurrency;
mod deployments;
mod events;
mod flows;
mod schedules;
mod variables;
mod work_pools;
mod workers;

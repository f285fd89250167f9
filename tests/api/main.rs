//! What each address answers; the folders mirror the addresses.

mod account;
mod artifacts;
mod blocks;
mod breaking_points;
mod concurrency_limits;
mod deployments;
mod events;
mod logs;
mod polls;
mod readiness;
mod runs;
mod saved_searches;
mod schedules;
mod services;
mod settings;
mod templates;
mod variables;
mod work_pools;
mod worker_channel;

//! The operations of a workspace, one slice a resource, and what stands at the root. No slice imports a sibling's handlers.

pub mod admin;
pub mod artifacts;
mod asks;
pub mod automations;
pub mod block_documents;
pub mod block_schemas;
pub mod block_types;
pub mod collections;
pub mod concurrency_limits;
pub mod concurrency_limits_v2;
pub mod deployments;
pub mod docs;
pub mod events;
pub mod flow_run_states;
pub mod flow_runs;
pub mod flows;
pub mod logs;
pub mod observed_states;
mod polls;
pub mod root;
pub mod saved_searches;
pub mod task_run_states;
pub mod task_runs;
pub mod ui_flows;
pub mod variables;
pub mod work_pools;
pub mod work_queues;

//! Models, ids and states of the runs, and the rules, schedules and triggers that decide about them, as pure functions:
//! no I/O, no HTTP, no SQL. Clocks, settings and randomness are handed in.

pub mod access;
pub mod artifacts;
pub mod events;
pub mod flow_runs;
pub mod flows;
pub mod graph;
pub mod history;
pub mod hydrate;
pub mod ids;
pub use ids::*;
pub mod job_variables;
pub mod json_schema;
pub mod kinds;
pub mod labels;
pub mod logs;
pub mod observed_states;
pub mod policies;
pub mod pulse;
pub mod recorder;
pub mod rules;
pub mod run;
pub mod saved_searches;
pub mod settings;
pub mod slots;
pub mod slug;
pub mod state;
pub mod states;
pub mod stored;
pub mod task_runs;
pub mod text_search;
pub mod variables;
pub mod work_pools;
pub mod work_queues;
pub mod workers;

//! `/flow_runs`, `/task_runs` and their states, beyond what the differential suite puts to both servers.

mod lists;
mod why;

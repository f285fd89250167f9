//! Models, ids and states of the runs, and the rules, schedules and triggers that decide about them, as pure functions:
//! no I/O, no HTTP, no SQL. Clocks, settings and randomness are handed in.

pub mod access;
pub mod flows;
pub mod ids;
pub use ids::*;
pub mod labels;
pub mod state;
pub mod rules;
pub mod run;
pub mod settings;

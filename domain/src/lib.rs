//! Models, ids and states of the runs, and the rules, schedules and triggers that decide about them, as pure functions:
//! no I/O, no HTTP, no SQL. Clocks, settings and randomness are handed in.

pub mod ids;
pub mod state;

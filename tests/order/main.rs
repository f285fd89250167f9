//! Task runs tell of themselves by events, which arrive in any order, twice, late, and by whatever socket was open: the
//! runs end the same, every event is stored once, and a pong means that what came before its ping is committed.
//!
//! `ORDER_SEEDS=1000` tries more orders than the default; `ORDER_SEED=17` tries that one alone.

mod burst;
mod courier;
mod permuted;
mod seen;
mod story;

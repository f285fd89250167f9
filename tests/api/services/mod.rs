//! What happens by itself: late runs, time-outs, cancelled children, retention.

mod ground;
mod replicas;
mod retention;
mod runs;

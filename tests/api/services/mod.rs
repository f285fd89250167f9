//! What happens by itself: late runs, time-outs, cancelled children, retention, background tasks of lost workers.

mod ground;
mod replicas;
mod retention;
mod runs;
mod task_workers;

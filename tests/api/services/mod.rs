//! What happens by itself: late runs, time-outs, cancelled children, clean-ups, retention, background tasks of lost workers.

mod cleanups;
mod ground;
mod replicas;
mod retention;
mod runs;
mod task_workers;

//! Polls for runs that are held open.

use std::time::Duration;

use clap::Args;

use super::duration;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Polls")]
pub struct PollSettings {
    /// How long the answer to a worker or a served flow waits for a run to come when there is none; 0s is not at all. Well
    /// below the time-outs of clients and proxies, which are 60 seconds mostly; in any case it ends a second before a request
    /// may take no longer.
    #[arg(long, env = "PREFECTURE_POLL_HOLD", default_value = "10s", value_parser = duration, value_name = "DURATION")]
    pub poll_hold: Duration,

    /// Polls of one workspace that wait at once, on each replica; more are answered at once. 0 is no limit.
    #[arg(long, env = "PREFECTURE_POLLS_HELD", default_value_t = 1000, value_name = "COUNT")]
    pub polls_held: usize,
}

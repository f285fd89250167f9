//! What a replica does in the background, by which rules, and how long things are kept.

use std::time::Duration;

use clap::Args;

use super::{RuleSettings, ScheduleSettings, WrongSetting, duration, on_off};

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Services")]
pub struct ServiceSettings {
    /// Whether this replica does background work (late runs, time-outs, retention, …): on or off. One replica at least must.
    #[arg(long = "services", env = "PREFECTURE_SERVICES", default_value = "on", value_parser = on_off, action = clap::ArgAction::Set, value_name = "on|off")]
    pub on: bool,

    /// Workspaces that this replica works on at once in the background; each takes a connection of the pool at a time.
    #[arg(long = "services-parallel", env = "PREFECTURE_SERVICES_PARALLEL", default_value_t = 4, value_name = "COUNT")]
    pub parallel: usize,

    /// How often this replica looks which workspaces are due.
    #[arg(long = "services-poll", env = "PREFECTURE_SERVICES_POLL", default_value = "1s", value_parser = duration, value_name = "DURATION")]
    pub poll: Duration,

    /// How often every workspace is looked at, due or not. Where a hint of what is due may have been lost, because the
    /// database broke off or was in trouble, they are looked at sooner: within a minute, or six where it happens again and again.
    #[arg(long = "services-sweep", env = "PREFECTURE_SERVICES_SWEEP", default_value = "1h", value_parser = duration, value_name = "DURATION")]
    pub sweep: Duration,

    /// How long after its scheduled time a run that waits is marked late.
    #[arg(long, env = "PREFECTURE_LATE_AFTER", default_value = "15s", value_parser = duration, value_name = "DURATION")]
    pub late_after: Duration,

    /// How long a task worker may go unseen before its background tasks are given to others.
    #[arg(long, env = "PREFECTURE_TASK_WORKER_PATIENCE", default_value = "60s", value_parser = duration, value_name = "DURATION")]
    pub task_worker_patience: Duration,

    /// How long a worker may take for a clean-up without a word before another gets it.
    #[arg(long, env = "PREFECTURE_CLEANUP_LEASE", default_value = "30s", value_parser = duration, value_name = "DURATION")]
    pub cleanup_lease: Duration,

    /// How often a clean-up is sent to workers before it is given up.
    #[arg(long, env = "PREFECTURE_CLEANUP_DELIVERIES", default_value_t = 3, value_name = "COUNT")]
    pub cleanup_deliveries: i32,

    /// How long events are kept; 0 for good. A workspace may have its own time, as for the other two.
    #[arg(long, env = "PREFECTURE_KEEP_EVENTS", default_value = "7d", value_parser = duration, value_name = "DURATION")]
    pub keep_events: Duration,

    /// How long log lines are kept; 0 for good.
    #[arg(long, env = "PREFECTURE_KEEP_LOGS", default_value = "30d", value_parser = duration, value_name = "DURATION")]
    pub keep_logs: Duration,

    /// How long finished runs are kept, with their states, logs and artifacts; 0 for good.
    #[arg(long, env = "PREFECTURE_KEEP_RUNS", default_value = "0s", value_parser = duration, value_name = "DURATION")]
    pub keep_runs: Duration,

    /// How long things are kept that could not be stored as what they are; 0 for good.
    #[arg(long, env = "PREFECTURE_KEEP_QUARANTINE", default_value = "30d", value_parser = duration, value_name = "DURATION")]
    pub keep_quarantine: Duration,

    #[command(flatten)]
    pub rules: RuleSettings,

    #[command(flatten)]
    pub schedules: ScheduleSettings,
}

impl ServiceSettings {
    pub fn cleanup_policy(&self) -> tenant_store::cleanups::Policy {
        tenant_store::cleanups::Policy { lease: self.cleanup_lease, deliveries: self.cleanup_deliveries }
    }

    pub fn validate(&self) -> Result<(), WrongSetting> {
        if self.parallel == 0 {
            return Err(WrongSetting::new(
                "--services-parallel (PREFECTURE_SERVICES_PARALLEL)",
                "must be at least 1",
                "4",
            ));
        }
        if self.poll < Duration::from_millis(50) || self.poll > Duration::from_secs(60) {
            return Err(WrongSetting::new(
                "--services-poll (PREFECTURE_SERVICES_POLL)",
                "must be between 50ms and 60s",
                "1s",
            ));
        }
        if self.sweep < self.poll || self.sweep > Duration::from_secs(86_400) {
            return Err(WrongSetting::new(
                "--services-sweep (PREFECTURE_SERVICES_SWEEP)",
                "must be at least --services-poll and at most 1d",
                "1h",
            ));
        }
        if self.cleanup_lease < Duration::from_secs(1) || self.cleanup_lease > Duration::from_secs(86_400) {
            return Err(WrongSetting::new(
                "--cleanup-lease (PREFECTURE_CLEANUP_LEASE)",
                "must be between 1s and 1d",
                "30s",
            ));
        }
        if self.cleanup_deliveries < 1 {
            return Err(WrongSetting::new(
                "--cleanup-deliveries (PREFECTURE_CLEANUP_DELIVERIES)",
                "must be at least 1",
                "3",
            ));
        }
        if self.task_worker_patience < Duration::from_secs(20)
            || self.task_worker_patience > Duration::from_secs(86_400)
        {
            return Err(WrongSetting::new(
                "--task-worker-patience (PREFECTURE_TASK_WORKER_PATIENCE)",
                "must be between 20s, as workers are seen every 10s, and 1d",
                "60s",
            ));
        }
        self.rules.validate()?;
        self.schedules.validate()
    }
}

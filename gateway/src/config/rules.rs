//! How long the rules let runs and clients wait.

use std::time::Duration;

use clap::Args;

use super::{WrongSetting, duration};

/// The longest that anybody may be told to wait for a slot: who asks more seldom gives up first.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// What a lease may last (reference: `concurrency.initial_deployment_lease_duration`).
const LEASES: std::ops::RangeInclusive<Duration> = Duration::from_secs(30)..=Duration::from_secs(3600);
/// Below that no client has the time to carry a cancellation out.
const SHORTEST_CANCELLING: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Rules")]
pub struct RuleSettings {
    /// Longest that a client is told to wait for a slot of a concurrency limit; mostly it is as long as slots are held.
    #[arg(long, env = "PREFECTURE_SLOT_WAIT", default_value = "30s", value_parser = duration, value_name = "DURATION")]
    pub slot_wait: Duration,

    /// Longest that a task run is told to wait for a slot of its tag's limit.
    #[arg(long, env = "PREFECTURE_TAG_SLOT_WAIT", default_value = "10s", value_parser = duration, value_name = "DURATION")]
    pub tag_slot_wait: Duration,

    /// How far a run is put off that finds the limit of its deployment full.
    #[arg(long, env = "PREFECTURE_DEPLOYMENT_SLOT_WAIT", default_value = "30s", value_parser = duration, value_name = "DURATION")]
    pub deployment_slot_wait: Duration,

    /// How long a deployment's slot is kept for a run that has not come up, where the deployment does not say: 30s to 1h.
    #[arg(long, env = "PREFECTURE_DEPLOYMENT_LEASE", default_value = "5m", value_parser = duration, value_name = "DURATION")]
    pub deployment_lease: Duration,

    /// How long after it was asked to a run is cancelled that does not do it itself.
    #[arg(long, env = "PREFECTURE_CANCELLING_TIMEOUT", default_value = "5m", value_parser = duration, value_name = "DURATION")]
    pub cancelling_timeout: Duration,
}

impl RuleSettings {
    pub fn validate(&self) -> Result<(), WrongSetting> {
        let waits = [
            ("--slot-wait (PREFECTURE_SLOT_WAIT)", self.slot_wait, "30s"),
            ("--tag-slot-wait (PREFECTURE_TAG_SLOT_WAIT)", self.tag_slot_wait, "10s"),
            ("--deployment-slot-wait (PREFECTURE_DEPLOYMENT_SLOT_WAIT)", self.deployment_slot_wait, "30s"),
        ];
        for (setting, wait, example) in waits {
            if wait > LONGEST_WAIT {
                return Err(WrongSetting::new(setting, "must be at most 1h", example));
            }
        }
        if !LEASES.contains(&self.deployment_lease) {
            return Err(WrongSetting::new(
                "--deployment-lease (PREFECTURE_DEPLOYMENT_LEASE)",
                "must be between 30s and 1h",
                "5m",
            ));
        }
        if self.cancelling_timeout < SHORTEST_CANCELLING {
            return Err(WrongSetting::new(
                "--cancelling-timeout (PREFECTURE_CANCELLING_TIMEOUT)",
                "must be at least 5s",
                "5m",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        rules: RuleSettings,
    }

    fn wrong(arguments: &[&str]) -> Option<&'static str> {
        let line = Line::try_parse_from(["prefecture"].iter().chain(arguments)).expect("known flags");
        line.rules.validate().err().map(|wrong| wrong.setting)
    }

    #[test]
    fn defaults_are_those_of_the_rules() {
        let rules = Line::parse_from(["prefecture"]).rules;
        let of_rules = domain::settings::Settings::default();
        assert_eq!(wrong(&[]), None);
        assert_eq!(
            (rules.slot_wait, rules.tag_slot_wait, rules.deployment_slot_wait),
            (of_rules.slot_wait, of_rules.tag_slot_wait, of_rules.deployment_slot_wait)
        );
        assert_eq!(rules.deployment_lease, of_rules.initial_deployment_lease);
        assert_eq!(rules.cancelling_timeout, of_rules.cancelling_timeout);
    }

    #[test]
    fn what_would_leave_runs_stuck_is_refused() {
        assert_eq!(wrong(&["--slot-wait", "0s", "--deployment-lease", "30s", "--cancelling-timeout", "5s"]), None);
        for (flag, value) in [
            ("--slot-wait", "2h"),
            ("--tag-slot-wait", "2h"),
            ("--deployment-slot-wait", "2h"),
            ("--deployment-lease", "29s"),
            ("--deployment-lease", "2h"),
            ("--cancelling-timeout", "4s"),
        ] {
            assert!(wrong(&[flag, value]).is_some_and(|setting| setting.starts_with(flag)), "{flag} {value}");
        }
    }
}

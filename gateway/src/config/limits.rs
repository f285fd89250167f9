//! Limits of the whole installation. What an account may ask is data: its plan (`prefecture admin plans`).

use clap::Args;

use super::WrongSetting;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitSettings {
    /// Plan of accounts that have none of their own (`prefecture admin plans list`); no limit without it.
    #[arg(long, env = "PREFECTURE_DEFAULT_PLAN", value_name = "PLAN")]
    pub default_plan: Option<String>,

    /// Keys a minute that an address may come with in vain; more are answered 429 unseen. 0 is no limit.
    #[arg(long, env = "PREFECTURE_GUESSES_PER_MINUTE", default_value_t = 120, value_name = "COUNT")]
    pub guesses_per_minute: u32,

    /// Requests of one workspace in work at once, on each replica; more wait for a place, in line,
    /// and are answered 429 after a second. 0 is no limit.
    #[arg(long, env = "PREFECTURE_WORKSPACE_REQUESTS", default_value_t = 1024, value_name = "COUNT")]
    pub workspace_requests: usize,

    /// Open web sockets of one workspace, on each replica. 0 is no limit.
    #[arg(long, env = "PREFECTURE_WORKSPACE_SOCKETS", default_value_t = 2000, value_name = "COUNT")]
    pub workspace_sockets: usize,
}

impl LimitSettings {
    /// A default plan that does not exist would be no limit at all.
    pub fn check(&self, plans: &[String]) -> Result<(), WrongSetting> {
        match &self.default_plan {
            Some(plan) if !plans.contains(plan) => Err(WrongSetting::new(
                "--default-plan (PREFECTURE_DEFAULT_PLAN)",
                format!("there is no plan {plan:?}, but {}", plans.join(", ")),
                "team",
            )),
            _ => Ok(()),
        }
    }
}

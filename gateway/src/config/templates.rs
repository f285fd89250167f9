//! Templates that users send.

use std::time::Duration;

use clap::Args;

use super::{WrongSetting, duration};

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Templates")]
pub struct TemplateSettings {
    /// Processor time that the templates of one request may take, in whole seconds.
    #[arg(long, env = "PREFECTURE_TEMPLATE_TIME", default_value = "1s", value_parser = duration, value_name = "DURATION")]
    pub template_time: Duration,

    /// Memory that the templates of one request may take, in bytes.
    #[arg(long, env = "PREFECTURE_TEMPLATE_MEMORY", default_value_t = 67_108_864, value_name = "BYTES")]
    pub template_memory: u64,

    /// Processes that render templates at once, one of an account at most; what is beyond waits.
    #[arg(long, env = "PREFECTURE_TEMPLATES_AT_ONCE", default_value_t = 2, value_name = "COUNT")]
    pub templates_at_once: usize,
}

impl TemplateSettings {
    pub fn validate(&self) -> Result<(), WrongSetting> {
        if self.template_time.subsec_nanos() != 0 || !(1..=60).contains(&self.template_time.as_secs()) {
            let why = "must be whole seconds, 60 at most";
            return Err(WrongSetting::new("--template-time (PREFECTURE_TEMPLATE_TIME)", why, "1s"));
        }
        if self.template_memory < 33_554_432 {
            let why = "less than what a process takes, 32 MiB";
            return Err(WrongSetting::new("--template-memory (PREFECTURE_TEMPLATE_MEMORY)", why, "67108864"));
        }
        if !(1..=1000).contains(&self.templates_at_once) {
            let why = "must be between 1 and 1000";
            return Err(WrongSetting::new("--templates-at-once (PREFECTURE_TEMPLATES_AT_ONCE)", why, "2"));
        }
        Ok(())
    }
}

//! What is kept of answers, and for how long.

use std::time::Duration;

use clap::Args;

use super::{WrongSetting, duration};

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Cache")]
pub struct CacheSettings {
    /// Memory for answers in this process, in bytes; 0 keeps none.
    #[arg(long = "cache-memory", env = "PREFECTURE_CACHE_MEMORY", default_value_t = 16_777_216, value_name = "BYTES")]
    pub memory: u64,

    /// Largest answer that is kept, in bytes.
    #[arg(long = "cache-entry", env = "PREFECTURE_CACHE_ENTRY", default_value_t = 65_536, value_name = "BYTES")]
    pub entry: usize,

    /// Memory for the answers of one kind in one workspace, in bytes of Redis.
    #[arg(long = "cache-shelf", env = "PREFECTURE_CACHE_SHELF", default_value_t = 4_194_304, value_name = "BYTES")]
    pub shelf: u64,

    /// Longest that an answer is kept: at most 30s.
    #[arg(long = "cache-life", env = "PREFECTURE_CACHE_LIFE", default_value = "30s", value_parser = duration, value_name = "DURATION")]
    pub life: Duration,
}

impl CacheSettings {
    /// Longest that an answer may be older than what is stored, when nobody could be told of a write.
    pub const LONGEST_LIFE: Duration = Duration::from_secs(30);

    pub fn validate(&self) -> Result<(), WrongSetting> {
        if self.life.is_zero() || self.life > Self::LONGEST_LIFE {
            return Err(WrongSetting::new(
                "--cache-life (PREFECTURE_CACHE_LIFE)",
                "must be above 0 and at most 30s",
                "30s",
            ));
        }
        if self.entry as u64 > self.memory && self.memory > 0 {
            return Err(WrongSetting::new(
                "--cache-entry (PREFECTURE_CACHE_ENTRY)",
                "is more than the cache's memory",
                "65536",
            ));
        }
        Ok(())
    }
}

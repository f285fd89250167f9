//! Tokens of OIDC issuers in place of keys. Which issuers: `prefecture admin issuers`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{WrongSetting, duration};

/// How tokens are verified and their issuers' keys fetched.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Tokens of issuers")]
pub struct TokenSettings {
    /// Largest token, in bytes; a larger one is refused unread.
    #[arg(long, env = "PREFECTURE_TOKEN_SIZE", default_value_t = 16_384, value_name = "BYTES")]
    pub token_size: usize,

    /// How far the clocks of an issuer and of this machine may differ.
    #[arg(long, env = "PREFECTURE_TOKEN_LEEWAY", default_value = "30s", value_parser = duration, value_name = "DURATION")]
    pub token_leeway: Duration,

    /// Memory for tokens that were verified and have not expired, in bytes.
    #[arg(long, env = "PREFECTURE_TOKEN_MEMORY", default_value_t = 33_554_432, value_name = "BYTES")]
    pub token_memory: u64,

    /// How often the keys of each issuer are fetched anew.
    #[arg(long, env = "PREFECTURE_ISSUER_REFRESH", default_value = "10m", value_parser = duration, value_name = "DURATION")]
    pub issuer_refresh: Duration,

    /// How long after a token with an unknown key made the keys be fetched another one may.
    #[arg(long, env = "PREFECTURE_ISSUER_PAUSE", default_value = "30s", value_parser = duration, value_name = "DURATION")]
    pub issuer_pause: Duration,

    /// How long an issuer may take to answer.
    #[arg(long, env = "PREFECTURE_ISSUER_TIMEOUT", default_value = "5s", value_parser = duration, value_name = "DURATION")]
    pub issuer_timeout: Duration,

    /// Largest answer of an issuer, in bytes.
    #[arg(long, env = "PREFECTURE_ISSUER_ANSWER", default_value_t = 262_144, value_name = "BYTES")]
    pub issuer_answer: usize,

    /// Certificates (PEM) of authorities to trust, beside the system's, when issuers are asked.
    #[arg(long, env = "PREFECTURE_ISSUER_CA", value_name = "FILE")]
    pub issuer_ca: Option<PathBuf>,
}

impl TokenSettings {
    pub fn validate(&self) -> Result<(), WrongSetting> {
        let least = |setting, value: Duration, least: Duration, example| match value < least {
            true => Err(WrongSetting::new(setting, format!("less than {least:?}"), example)),
            false => Ok(()),
        };
        let (second, moment) = (Duration::from_secs(1), Duration::from_millis(100));
        least("--issuer-refresh (PREFECTURE_ISSUER_REFRESH)", self.issuer_refresh, second, "10m")?;
        least("--issuer-pause (PREFECTURE_ISSUER_PAUSE)", self.issuer_pause, second, "30s")?;
        least("--issuer-timeout (PREFECTURE_ISSUER_TIMEOUT)", self.issuer_timeout, moment, "5s")?;
        if self.token_leeway > Duration::from_secs(600) {
            let setting = "--token-leeway (PREFECTURE_TOKEN_LEEWAY)";
            return Err(WrongSetting::new(setting, "more than ten minutes", "30s"));
        }
        if self.token_size < 1024 {
            return Err(WrongSetting::new("--token-size (PREFECTURE_TOKEN_SIZE)", "less than 1024 bytes", "16384"));
        }
        if self.issuer_answer < 4096 {
            let setting = "--issuer-answer (PREFECTURE_ISSUER_ANSWER)";
            return Err(WrongSetting::new(setting, "less than 4096 bytes", "262144"));
        }
        Ok(())
    }
}

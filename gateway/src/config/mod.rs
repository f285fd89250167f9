//! Settings, one struct for each concern, from flags and the environment; each is validated at start with an error that
//! names the setting and says what to write.

mod cache;
mod database;
mod edge;
mod encryption;
mod limits;
mod listen;
mod polls;
mod redis;
mod rules;
mod schedules;
mod serve;
mod services;
mod telemetry;
mod templates;
mod tokens;

pub use cache::CacheSettings;
pub use database::{DatabasePooler, DatabaseSettings};
pub use edge::EdgeSettings;
pub use encryption::EncryptionSettings;
pub use limits::LimitSettings;
pub use listen::{ConnectionSettings, ForwardingHeader, ListenSettings, ProxySettings, TlsSettings};
pub use polls::PollSettings;
pub use redis::{RedisAddress, RedisSettings};
pub use rules::RuleSettings;
pub use schedules::ScheduleSettings;
pub use serve::ServeSettings;
pub use services::ServiceSettings;
pub use telemetry::{Otlp, Sampling, TelemetrySettings};
pub use templates::TemplateSettings;
pub use tokens::TokenSettings;

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{setting}: {problem}. Write for example {example}")]
pub struct WrongSetting {
    pub setting: &'static str,
    pub problem: String,
    pub example: &'static str,
}

impl WrongSetting {
    pub fn new(setting: &'static str, problem: impl std::fmt::Display, example: &'static str) -> Self {
        Self { setting, problem: problem.to_string(), example }
    }
}

/// Reads `250ms`, `10s`, `5m` or a bare number of seconds.
pub fn duration(text: &str) -> Result<std::time::Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: f64 =
        digits.parse().map_err(|_| format!("{text:?} is no duration: write for example 10s, 250ms or 5m"))?;
    let seconds = match &text[digits.len()..] {
        "ms" => number / 1000.0,
        "" | "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        "d" => number * 86_400.0,
        unit => return Err(format!("unknown unit {unit:?}: write ms, s, m, h or d")),
    };
    std::time::Duration::try_from_secs_f64(seconds).map_err(|_| format!("{text:?} is out of range"))
}

/// Reads `on` or `off`.
pub fn on_off(text: &str) -> Result<bool, String> {
    match text {
        "on" | "true" | "1" => Ok(true),
        "off" | "false" | "0" => Ok(false),
        _ => Err(format!("{text:?}: write on or off")),
    }
}

//! Bounds of a request.

use std::time::Duration;

use clap::Args;

use super::{WrongSetting, duration};

/// What a request may cost before it is refused.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Requests")]
pub struct EdgeSettings {
    /// Largest body of a request, in bytes; more is answered 413.
    #[arg(long, env = "PREFECTURE_BODY_LIMIT", default_value_t = 5_242_880, value_name = "BYTES")]
    pub body_limit: usize,

    /// Longest time from the first byte of a request to its answer; then 503.
    #[arg(long, env = "PREFECTURE_REQUEST_TIMEOUT", default_value = "60s", value_parser = duration, value_name = "DURATION")]
    pub request_timeout: Duration,

    /// Requests in work at once; more wait no time and are answered 503 with Retry-After.
    #[arg(long, env = "PREFECTURE_MAX_REQUESTS", default_value_t = 4096, value_name = "COUNT")]
    pub max_requests: usize,

    /// How long to wait for requests in flight when told to stop.
    #[arg(long, env = "PREFECTURE_DRAIN_TIMEOUT", default_value = "30s", value_parser = duration, value_name = "DURATION")]
    pub drain_timeout: Duration,

    /// Workspace that a bare /api/… means, for single-tenant use.
    #[arg(long, env = "PREFECTURE_DEFAULT_WORKSPACE", value_name = "ACCOUNT/WORKSPACE")]
    pub default_workspace: Option<String>,
}

impl EdgeSettings {
    pub fn validate(&self) -> Result<(), WrongSetting> {
        if self.body_limit < 1024 {
            return Err(WrongSetting::new("--body-limit (PREFECTURE_BODY_LIMIT)", "less than 1024 bytes", "5242880"));
        }
        if self.max_requests == 0 {
            return Err(WrongSetting::new("--max-requests (PREFECTURE_MAX_REQUESTS)", "must be at least 1", "4096"));
        }
        if self.request_timeout < Duration::from_secs(1) {
            return Err(WrongSetting::new(
                "--request-timeout (PREFECTURE_REQUEST_TIMEOUT)",
                "less than a second",
                "60s",
            ));
        }
        match &self.default_workspace {
            Some(handles) if handles.split('/').filter(|part| !part.is_empty()).count() != 2 => Err(WrongSetting::new(
                "--default-workspace (PREFECTURE_DEFAULT_WORKSPACE)",
                format!("{handles:?} is not an account's and a workspace's handle"),
                "acme/production",
            )),
            _ => Ok(()),
        }
    }
}

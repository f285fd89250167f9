//! Bounds of a request.

use std::time::Duration;

use clap::Args;

use super::{LimitSettings, PollSettings, TemplateSettings, WrongSetting, duration, on_off};

/// What a request may cost before it is refused.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Requests")]
pub struct EdgeSettings {
    /// Largest body of a request, in bytes; more is answered 413.
    #[arg(long, env = "PREFECTURE_BODY_LIMIT", default_value_t = 5_242_880, value_name = "BYTES")]
    pub body_limit: usize,

    /// Memory for bodies of requests in work, in bytes, on each replica; a request beyond it is answered 503 with
    /// Retry-After. Not less than one body.
    #[arg(long, env = "PREFECTURE_BODIES_MEMORY", default_value_t = 268_435_456, value_name = "BYTES")]
    pub bodies_memory: usize,

    /// Most that one statement may read for an answer, in bytes; more is answered 400, with what to do.
    #[arg(long, env = "PREFECTURE_ANSWER_LIMIT", default_value_t = 33_554_432, value_name = "BYTES")]
    pub answer_limit: usize,

    /// Memory for answers on their way to clients that read slowly, in bytes, on each replica; those of up to 64 KiB do not
    /// count. A request whose answer is beyond it is answered 503 with Retry-After.
    #[arg(long, env = "PREFECTURE_ANSWERS_MEMORY", default_value_t = 268_435_456, value_name = "BYTES")]
    pub answers_memory: usize,

    /// Longest time from the first byte of a request to its answer; then 503.
    #[arg(long, env = "PREFECTURE_REQUEST_TIMEOUT", default_value = "60s", value_parser = duration, value_name = "DURATION")]
    pub request_timeout: Duration,

    /// Longest time for the body of a request to come; then 408.
    #[arg(long, env = "PREFECTURE_BODY_TIMEOUT", default_value = "30s", value_parser = duration, value_name = "DURATION")]
    pub body_timeout: Duration,

    /// Compress answers for clients that accept gzip or br: on or off.
    #[arg(long, env = "PREFECTURE_COMPRESSION", default_value = "on", value_parser = on_off, action = clap::ArgAction::Set, value_name = "on|off")]
    pub compression: bool,

    /// Smallest answer that is compressed, in bytes.
    #[arg(long, env = "PREFECTURE_COMPRESS_FROM", default_value_t = 4096, value_name = "BYTES")]
    pub compress_from: u64,

    /// Origins whose pages may call the API from a browser (CORS): like https://app.example.com, by commas, or * for all.
    #[arg(long, env = "PREFECTURE_CORS_ORIGINS", value_delimiter = ',', value_name = "ORIGIN,…")]
    pub cors_origins: Vec<String>,

    /// Requests in work at once; more wait no time and are answered 503 with Retry-After.
    #[arg(long, env = "PREFECTURE_MAX_REQUESTS", default_value_t = 4096, value_name = "COUNT")]
    pub max_requests: usize,

    /// How long to go on serving when told to stop, with readiness down: as long as a load balancer takes to notice.
    #[arg(long, env = "PREFECTURE_DRAIN_DELAY", default_value = "0s", value_parser = duration, value_name = "DURATION")]
    pub drain_delay: Duration,

    /// How long to wait after that for requests in flight.
    #[arg(long, env = "PREFECTURE_DRAIN_TIMEOUT", default_value = "30s", value_parser = duration, value_name = "DURATION")]
    pub drain_timeout: Duration,

    /// Workspace that a bare /api/… means, for single-tenant use.
    #[arg(long, env = "PREFECTURE_DEFAULT_WORKSPACE", value_name = "ACCOUNT/WORKSPACE")]
    pub default_workspace: Option<String>,

    #[command(flatten)]
    pub limits: LimitSettings,

    #[command(flatten)]
    pub polls: PollSettings,

    #[command(flatten)]
    pub templates: TemplateSettings,
}

impl EdgeSettings {
    /// How long a poll waits for a run: never so long that the request would end without an answer.
    pub fn poll_hold(&self) -> Duration {
        self.polls.poll_hold.min(self.request_timeout.saturating_sub(Duration::from_secs(1)))
    }

    pub fn validate(&self) -> Result<(), WrongSetting> {
        if self.body_limit < 1024 {
            return Err(WrongSetting::new("--body-limit (PREFECTURE_BODY_LIMIT)", "less than 1024 bytes", "5242880"));
        }
        if self.bodies_memory < self.body_limit {
            let why = format!("less than the limit of one body, {} bytes", self.body_limit);
            return Err(WrongSetting::new("--bodies-memory (PREFECTURE_BODIES_MEMORY)", why, "268435456"));
        }
        if self.answer_limit < 65_536 {
            return Err(WrongSetting::new("--answer-limit (PREFECTURE_ANSWER_LIMIT)", "less than 64 KiB", "33554432"));
        }
        if self.answers_memory < self.answer_limit.saturating_mul(2) {
            // What is read grows a little when it is written as JSON.
            let why = format!("less than twice what may be read for one answer, {} bytes", self.answer_limit);
            return Err(WrongSetting::new("--answers-memory (PREFECTURE_ANSWERS_MEMORY)", why, "268435456"));
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
        if self.body_timeout < Duration::from_millis(100) {
            return Err(WrongSetting::new("--body-timeout (PREFECTURE_BODY_TIMEOUT)", "less than 100ms", "30s"));
        }
        if let Some(wrong) = self.cors_origins.iter().find(|origin| !is_origin(origin)) {
            return Err(WrongSetting::new(
                "--cors-origins (PREFECTURE_CORS_ORIGINS)",
                format!("{wrong:?} is no origin, which is a scheme, a host and perhaps a port, and not all (*) either"),
                "https://app.example.com",
            ));
        }
        self.templates.validate()?;
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

/// As a browser writes it: `https://app.example.com`, in small letters, nothing behind the port.
fn is_origin(text: &str) -> bool {
    let parsed = text.parse::<http::Uri>().ok().filter(|_| !text.ends_with('/') && !text.contains(['?', '#', '@']));
    text == "*"
        || parsed.is_some_and(|uri| {
            uri.scheme().is_some()
                && uri.authority().is_some()
                && uri.path() == "/"
                && text == text.to_ascii_lowercase()
        })
}

#[cfg(test)]
mod tests {
    use super::is_origin;

    #[test]
    fn origins() {
        for good in ["*", "https://app.example.com", "http://localhost:3000", "http://[::1]:3000"] {
            assert!(is_origin(good), "{good}");
        }
        for bad in
            ["", "app.example.com", "https://app.example.com/", "https://a.example/ui", "https://A.example", "null"]
        {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}

//! One request, one answer; no redirect is followed and no status is an error.

use std::time::Duration;

use serde_json::Value;

pub struct Client {
    agent: ureq::Agent,
    base: String,
    key: Option<String>,
}

pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<Vec<u8>>,
}

pub struct Answer {
    pub status: u16,
    /// Media type without parameters, and the header that names a download.
    pub headers: Vec<(&'static str, String)>,
    /// JSON, else the text as a JSON string.
    pub body: Value,
}

impl Client {
    pub fn new(base: &str, key: Option<String>) -> Client {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // The reference closes a connection after a failure, sometimes while the next request is on its way.
            .max_idle_connections(0)
            .timeout_global(Some(Duration::from_secs(60)))
            .build();
        Client { agent: config.into(), base: base.trim_end_matches('/').to_owned(), key }
    }

    pub fn send(&self, request: &Request) -> Result<Answer, String> {
        let url = format!("{}{}", self.base, request.path);
        let mut builder = ureq::http::Request::builder().method(request.method.as_str()).uri(&url);
        if let Some(key) = &self.key {
            builder = builder.header("authorization", format!("Bearer {key}"));
        }
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        let sent = match &request.body {
            None => builder.body(()).map_err(|e| e.to_string()).and_then(|r| self.run(r)),
            Some(bytes) => builder.body(bytes.clone()).map_err(|e| e.to_string()).and_then(|r| self.run(r)),
        };
        sent.map_err(|why| format!("{} {url}: {why}", request.method))
    }

    fn run<B: ureq::AsSendBody>(&self, request: ureq::http::Request<B>) -> Result<Answer, String> {
        let request = self.agent.configure_request(request).allow_non_standard_methods(true).build();
        let mut answer = self.agent.run(request).map_err(|e| e.to_string())?;
        let bytes = answer.body_mut().with_config().limit(64 << 20).read_to_vec().map_err(|e| e.to_string())?;
        let body = match serde_json::from_slice(&bytes) {
            Ok(json) => json,
            Err(_) if bytes.is_empty() => Value::Null,
            Err(_) => Value::String(String::from_utf8_lossy(&bytes).into_owned()),
        };
        let mut headers = Vec::new();
        for name in ["content-type", "content-disposition"] {
            let Some(value) = answer.headers().get(name).and_then(|v| v.to_str().ok()) else { continue };
            let value = if name == "content-type" { value.split(';').next().unwrap_or(value).trim() } else { value };
            headers.push((name, value.to_owned()));
        }
        // An answer without a body has no type worth comparing.
        if bytes.is_empty() {
            headers.retain(|(name, _)| *name != "content-type");
        }
        Ok(Answer { status: answer.status().as_u16(), headers, body })
    }
}

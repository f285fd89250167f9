//! HTTP as a client speaks it: a base address, a key, JSON.

use std::time::Duration;

use serde_json::Value;

/// A client bound to an address and a key. Cheap to clone; connections are kept and shared.
#[derive(Debug, Clone)]
pub struct Api {
    agent: ureq::Agent,
    base: String,
    key: Option<String>,
}

/// An answer of any status.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    /// As it came.
    pub bytes: Vec<u8>,
    /// Parsed; null when there is no body, a string when it is not JSON.
    pub body: Value,
    asked: String,
}

impl Api {
    pub fn new(base: &str, key: Option<&str>) -> Api {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build();
        Api { agent: config.into(), base: base.trim_end_matches('/').to_owned(), key: key.map(str::to_owned) }
    }

    /// The same place with another key, or none.
    pub fn with_key(&self, key: Option<&str>) -> Api {
        Api { key: key.map(str::to_owned), ..self.clone() }
    }

    /// The same key at another place.
    pub fn at(&self, base: &str) -> Api {
        Api { base: base.trim_end_matches('/').to_owned(), ..self.clone() }
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[], None)
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.json("POST", path, body)
    }

    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.json("PUT", path, body)
    }

    pub fn patch(&self, path: &str, body: &Value) -> Answer {
        self.json("PATCH", path, body)
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.request("DELETE", path, &[], None)
    }

    fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.request(method, path, &[("content-type", "application/json")], Some(body.to_string().into_bytes()))
    }

    /// Anything, also what no client should send. Panics when there is no answer.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Vec<u8>>) -> Answer {
        self.try_request(method, path, headers, body).unwrap_or_else(|why| panic!("{why}"))
    }

    /// For tests that take the server away.
    pub fn try_request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Result<Answer, String> {
        let asked = format!("{method} {}{path}", self.base);
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.unwrap_or_default()).map_err(|error| format!("{asked}: {error}"))?;
        let request = self.agent.configure_request(request).allow_non_standard_methods(true).build();
        let mut response = self.agent.run(request).map_err(|error| format!("{asked}: {error}"))?;
        let bytes = response.body_mut().with_config().limit(256 << 20).read_to_vec();
        let bytes = bytes.map_err(|error| format!("{asked}: {error}"))?;
        let body = match serde_json::from_slice(&bytes) {
            Ok(json) => json,
            Err(_) if bytes.is_empty() => Value::Null,
            Err(_) => Value::String(String::from_utf8_lossy(&bytes).into_owned()),
        };
        let status = response.status().as_u16();
        Ok(Answer { status, headers: response.headers().clone(), bytes, body, asked })
    }
}

impl Answer {
    /// The body, if the status is this one; else the test fails and shows both.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{} answered {}", self.asked, self.body);
        self.body
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

//! The HTTP client of both signals. It works on the program's runtime, whoever waits for it: the queue of spans has a thread
//! that knows no runtime.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use tokio::runtime::Handle;

use crate::metrics::{Metrics, Sent};

/// Longest answer of a collector that is read, in bytes; what it says beyond is not needed.
const ANSWER: usize = 64 << 10;

#[derive(Clone)]
pub struct Sender {
    signal: &'static str,
    client: reqwest::Client,
    runtime: Handle,
    metrics: Arc<OnceLock<Arc<Metrics>>>,
    /// Whether the last sending failed: the log says it once.
    away: Arc<AtomicBool>,
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Sender").field(&self.signal).finish()
    }
}

pub fn client(timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    // A redirect would carry the collector's key to another place.
    let redirects = reqwest::redirect::Policy::none();
    reqwest::Client::builder().timeout(timeout).connect_timeout(timeout).redirect(redirects).build()
}

impl Sender {
    pub fn new(
        signal: &'static str,
        client: reqwest::Client,
        runtime: Handle,
        metrics: Arc<OnceLock<Arc<Metrics>>>,
    ) -> Self {
        Self { signal, client, runtime, metrics, away: Arc::default() }
    }

    fn sent(&self, failure: Option<&str>) {
        if let Some(metrics) = self.metrics.get() {
            metrics.telemetry.sent(self.signal, if failure.is_none() { Sent::Taken } else { Sent::Failed });
        }
        let was_away = self.away.swap(failure.is_some(), Ordering::Relaxed);
        match failure {
            Some(cause) if !was_away => {
                tracing::warn!(signal = self.signal, cause, "the collector does not take telemetry; it is dropped");
            }
            None if was_away => tracing::info!(signal = self.signal, "the collector takes telemetry again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let answer = match self.runtime.spawn(async move { send(&client, request).await }).await {
            Ok(answer) => answer,
            Err(_) => return Err("the program is ending".into()),
        };
        match &answer {
            Ok(answer) if answer.status().is_success() => self.sent(None),
            Ok(answer) => self.sent(Some(answer.status().as_str())),
            Err(error) => self.sent(Some(&causes(&**error))),
        }
        answer
    }
}

async fn send(client: &reqwest::Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    // The address may hold a password.
    let mut answer = client.execute(request.try_into()?).await.map_err(reqwest::Error::without_url)?;
    let mut read = Vec::new();
    while read.len() < ANSWER {
        let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url)? else { break };
        read.extend_from_slice(&chunk);
    }
    let mut response = Response::new(Bytes::from(read));
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    Ok(response)
}

/// The error with what caused it: the first alone says "error sending request".
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

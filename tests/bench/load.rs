//! The load: connections that each send a request, wait for its answer, and send the next.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::Result;
use crate::cpu::{Spent, Watch};
use crate::http::Connection;

/// Writes the next request; `false` when there are no more.
pub type Requests = Box<dyn FnMut(&mut Vec<u8>) -> bool + Send>;

/// What a step showed.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    pub done: u64,
    pub failed: u64,
    /// Status and body of the first answer that was not as it should be.
    pub failure: Option<String>,
    pub elapsed: Duration,
    /// Microseconds, sorted.
    pub latencies: Vec<u32>,
    pub spent: Spent,
}

impl Measured {
    pub fn rate(&self) -> f64 {
        self.done as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// Milliseconds.
    pub fn percentile(&self, part: f64) -> Option<f64> {
        let last = self.latencies.len().checked_sub(1)?;
        Some(f64::from(self.latencies[(last as f64 * part).round() as usize]) / 1000.0)
    }
}

/// How long a step takes.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// Not counted: connections are opened, plans made.
    pub warm: Duration,
    pub counted: Duration,
}

/// Runs one step, a connection for each source of requests, to the address beside it.
pub async fn closed_loop(sources: Vec<(SocketAddr, Requests)>, times: Times, watch: &Watch) -> Result<Measured> {
    let begin = Instant::now() + times.warm;
    let end = begin + times.counted;
    let mut clients = JoinSet::new();
    for (address, source) in sources {
        clients.spawn(client(address, source, begin, end));
    }
    let watched = tokio::spawn(watch.clone().between(begin, end));
    let mut all = Measured::default();
    let mut latest = begin;
    while let Some(joined) = clients.join_next().await {
        let (one, until) = joined??;
        all.done += one.done;
        all.failed += one.failed;
        all.failure = all.failure.or(one.failure);
        all.latencies.extend(one.latencies);
        latest = latest.max(until);
    }
    all.latencies.sort_unstable();
    // Sources that ran dry ended before their time.
    all.elapsed = latest.min(end).saturating_duration_since(begin);
    all.spent = watched.await?;
    Ok(all)
}

async fn client(address: SocketAddr, mut next: Requests, begin: Instant, end: Instant) -> Result<(Measured, Instant)> {
    let mut connection = Connection::open(address).await?;
    let mut measured = Measured::default();
    let mut request = Vec::with_capacity(32 << 10);
    let mut sent = Instant::now();
    loop {
        request.clear();
        if sent >= end || !next(&mut request) {
            return Ok((measured, sent));
        }
        let answer = connection.exchange(&request).await?;
        let answered = Instant::now();
        // 304 is for whoever has the answer already, and said so.
        let good = matches!(answer.status, 200..300 | 304);
        if !good {
            let body = String::from_utf8_lossy(connection.body(&answer)).into_owned();
            measured.failed += 1;
            measured.failure.get_or_insert_with(|| format!("{}: {body}", answer.status));
        } else if answered >= begin && answered < end {
            measured.done += 1;
            measured.latencies.push(u32::try_from((answered - sent).as_micros()).unwrap_or(u32::MAX));
        }
        sent = answered;
    }
}

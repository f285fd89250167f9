//! The operator's listener, apart from the API's: `/metrics`, and the level of the log.
//!
//! ```text
//! GET /metrics       Prometheus text
//! GET /log-level     what is logged
//! PUT /log-level     the body is a filter, as in PREFECTURE_LOG; holds until the next or the end of the program
//! ```
//!
//! Whoever can reach the listener may read; only the machine itself may change, because a scraper's network is no proof of
//! being an operator: `kubectl exec`, `kubectl port-forward` and a shell on the host come by the loopback address.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::logging;
use crate::kit::{Failure, Reply, Response, respond};
use crate::metrics::Metrics;

/// Longest filter, in bytes.
const LONGEST: usize = 4096;
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const TEXT: &str = "text/plain; charset=utf-8";

pub fn serve_operator(metrics: Arc<Metrics>, listener: TcpListener) -> JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection to the metrics could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let metrics = metrics.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request: http::Request<Incoming>| {
                    let metrics = metrics.clone();
                    async move {
                        let answer = answer(&metrics, peer, request).await;
                        Ok::<_, Infallible>(answer.unwrap_or_else(|failure| failure.answer("operator")))
                    }
                });
                let mut builder = Builder::new(TokioExecutor::new());
                builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
                let _ = builder.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    })
}

async fn answer(metrics: &Metrics, peer: SocketAddr, request: http::Request<Incoming>) -> Reply<Response> {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics") => Ok(respond(StatusCode::OK, "text/plain; version=0.0.4", metrics.text())),
        (&Method::GET, "/log-level") => Ok(respond(StatusCode::OK, TEXT, level()?.said() + "\n")),
        (&Method::PUT, "/log-level") => change_level(peer, request).await,
        (_, "/metrics") => Err(Failure::no_method("GET")),
        (_, "/log-level") => Err(Failure::no_method("GET, PUT")),
        _ => Err(Failure::no_route()),
    }
}

async fn change_level(peer: SocketAddr, request: http::Request<Incoming>) -> Reply<Response> {
    if !is_the_machine_itself(peer.ip()) {
        return Err(Failure::forbidden("The log level is changed from the machine itself, by its loopback address."));
    }
    let body = Limited::new(request.into_body(), LONGEST).collect().await;
    let body = body.map_err(|_| Failure::bad_request(format!("Send a filter of at most {LONGEST} bytes.")))?.to_bytes();
    let filter = std::str::from_utf8(&body).map(str::trim).ok().filter(|filter| !filter.is_empty());
    let filter = filter.ok_or_else(|| Failure::bad_request("Send a filter as text, for example info."))?;
    let level = level()?;
    level.change(filter).map_err(|wrong| Failure::bad_request(wrong.to_string()))?;
    Ok(respond(StatusCode::OK, TEXT, level.said() + "\n"))
}

fn is_the_machine_itself(peer: IpAddr) -> bool {
    peer.to_canonical().is_loopback()
}

fn level() -> Reply<&'static logging::LogLevel> {
    logging::level().ok_or_else(|| Failure::internal("the log has not begun"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_machine_itself_changes_the_level() {
        for own in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
            assert!(is_the_machine_itself(own.parse().unwrap()), "{own}");
        }
        for other in ["10.0.0.1", "0.0.0.0", "::ffff:10.0.0.1", "fe80::1"] {
            assert!(!is_the_machine_itself(other.parse().unwrap()), "{other}");
        }
    }
}

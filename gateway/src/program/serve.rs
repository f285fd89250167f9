//! Serves until told to stop, and drains.

use std::sync::Arc;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::App;
use crate::edge;
use crate::kit::{Response, Tables};
use crate::listen::Listener;
use crate::metrics::Metrics;

/// A server that is running.
pub struct Serving {
    /// `http://127.0.0.1:4200`.
    pub url: String,
    app: App,
    stop: tokio::sync::oneshot::Sender<()>,
    accepting: JoinHandle<()>,
}

/// Begins to serve on a listener.
pub fn serve(app: App, tables: Tables, listener: Listener) -> std::io::Result<Serving> {
    let url = format!("{}://{}", listener.scheme(), listener.address()?);
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let accepting = tokio::spawn(listener.run(edge::stack(&app, tables), stopped));
    Ok(Serving { url, app, stop, accepting })
}
impl Serving {
    /// Readiness falls, sockets are told to end, requests in flight are finished (up to the drain timeout).
    pub async fn drain(self) {
        self.app.drain();
        let _ = self.stop.send(());
        let timeout = self.app.edge().drain_timeout;
        let ended = async {
            let _ = self.accepting.await;
            self.app.hub().all_closed().await;
        };
        if tokio::time::timeout(timeout, ended).await.is_err() {
            tracing::warn!(?timeout, "requests or sockets were still open at the end of the drain");
        }
    }
}

/// Serves `/metrics`, and nothing else, on a listener of its own.
pub fn serve_metrics(metrics: Arc<Metrics>, listener: TcpListener) -> JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let metrics = metrics.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request: edge::Request| {
                    let answer: Response = match request.uri().path() {
                        "/metrics" => {
                            crate::kit::respond(http::StatusCode::OK, "text/plain; version=0.0.4", metrics.text())
                        }
                        _ => crate::kit::Failure::no_route().answer("metrics"),
                    };
                    async move { Ok::<_, std::convert::Infallible>(answer) }
                });
                let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
            });
        }
    })
}

//! Accepts connections, serves them until told to stop, and drains.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tower::Service as _;

use crate::App;
use crate::edge;
use crate::kit::{ClientAddress, Response, Tables};
use crate::metrics::Metrics;

/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// A server that is running.
pub struct Serving {
    pub address: SocketAddr,
    app: App,
    stop: tokio::sync::oneshot::Sender<()>,
    accepting: JoinHandle<()>,
}

/// Begins to serve on a listener.
pub fn serve(app: App, tables: Tables, listener: TcpListener) -> std::io::Result<Serving> {
    let address = listener.local_addr()?;
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let accepting = tokio::spawn(accept(app.clone(), edge::stack(&app, tables), listener, stopped));
    Ok(Serving { address, app, stop, accepting })
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

async fn accept(
    app: App,
    stack: edge::Service,
    listener: TcpListener,
    mut stopped: tokio::sync::oneshot::Receiver<()>,
) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_headers(100);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(Some(Duration::from_secs(30)));
    let builder = Arc::new(builder);
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = &mut stopped => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, for one: let those in work end.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let stack = stack.clone();
        let client = ClientAddress::new(peer.ip());
        let service = service_fn(move |mut request: edge::Request| {
            let mut stack = stack.clone();
            request.extensions_mut().insert(client);
            async move { stack.call(request).await }
        });
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    graceful.shutdown().await;
    drop(app);
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

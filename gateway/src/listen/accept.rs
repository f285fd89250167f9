//! The loop that accepts connections, and the way of one of them.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::either::Either;

use super::forwarded::Forwarding;
use super::patience::{Patience, Patient};
use super::tls::Tls;
use super::{http, proxy_protocol};
use crate::config::{ListenSettings, WrongSetting};
use crate::edge;
use crate::metrics::Metrics;

/// How many of those that find no place are told so at once; the others are closed without a word.
const APOLOGIES: usize = 64;
/// How long an apology may take.
const APOLOGY: Duration = Duration::from_secs(1);
const NO_PLACE: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: 55\r\n\
     retry-after: 2\r\nconnection: close\r\n\r\n{\"detail\":\"The service has too many connections open.\"}";

/// Accepts connections and serves each.
pub struct Listener {
    tcp: TcpListener,
    way: Arc<Way>,
    places: Arc<Semaphore>,
    apologies: Arc<Semaphore>,
}

/// What every connection goes through.
struct Way {
    settings: ListenSettings,
    tls: Option<Tls>,
    forwarding: Forwarding,
    http: Builder<TokioExecutor>,
    metrics: Arc<Metrics>,
}

impl Listener {
    /// Checks the settings, reads certificate and key, and binds the address.
    pub async fn bind(settings: &ListenSettings, metrics: Arc<Metrics>) -> Result<Self, WrongSetting> {
        settings.validate()?;
        let tls = Tls::load(&settings.tls, metrics.clone())?;
        let tcp = TcpListener::bind(settings.listen).await.map_err(|error| {
            WrongSetting::new(
                "--listen (PREFECTURE_LISTEN)",
                format!("{} cannot be listened on: {error}", settings.listen),
                "127.0.0.1:4300",
            )
        })?;
        let places = settings.connections.max_connections;
        make_room(places);
        let way = Way {
            tls,
            forwarding: Forwarding::new(&settings.proxies),
            http: http::builder(&settings.connections),
            settings: settings.clone(),
            metrics,
        };
        Ok(Self {
            tcp,
            way: Arc::new(way),
            places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            apologies: Arc::new(Semaphore::new(APOLOGIES)),
        })
    }

    pub fn address(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.way.tls.is_some() { "https" } else { "http" }
    }

    /// Serves until told to stop; returns when the last request was answered.
    pub async fn run(self, stack: edge::Stack, mut stopped: oneshot::Receiver<()>) {
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.tcp.accept() => accepted,
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
            let Ok(place) = self.places.clone().try_acquire_owned() else {
                self.turn_away(stream);
                continue;
            };
            let (way, stack, watcher) = (self.way.clone(), stack.clone(), graceful.watcher());
            tokio::spawn(async move {
                if let Err(error) = way.go(stream, peer.ip().to_canonical(), place, stack, watcher).await {
                    tracing::debug!(%error, %peer, "a connection ended early");
                }
            });
        }
        // New connections are refused by the system from here on.
        drop(self.tcp);
        graceful.shutdown().await;
    }

    fn turn_away(&self, mut stream: TcpStream) {
        self.way.metrics.connections.refused("full");
        // Behind TLS or a PROXY header there is nobody yet to speak HTTP with.
        let plain = self.way.tls.is_none();
        let Some(_apology) = self.apologies.clone().try_acquire_owned().ok().filter(|_| plain) else { return };
        tokio::spawn(async move {
            let told = async {
                // Closed over what the client has sent, the connection would be reset before the answer is read.
                let _ = stream.read(&mut [0; 4096]).await?;
                stream.write_all(NO_PLACE.as_bytes()).await?;
                stream.shutdown().await
            };
            let _ = tokio::time::timeout(APOLOGY, told).await;
            drop(_apology);
        });
    }
}

impl Way {
    async fn go(
        &self,
        stream: TcpStream,
        peer: IpAddr,
        place: OwnedSemaphorePermit,
        stack: edge::Stack,
        watcher: Watcher,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let open = self.metrics.connections.opened();
        let _ = stream.set_nodelay(true);
        let bounds = &self.settings.connections;
        let opened = tokio::time::timeout(bounds.head_timeout, self.open(stream, peer)).await;
        let (stream, peer) = match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err((why, error))) => {
                self.metrics.connections.refused(why);
                return Err(error.into());
            }
            Err(late) => {
                self.metrics.connections.refused("slow");
                return Err(late.into());
            }
        };
        let (stream, doing) = Patient::new(stream, Patience::of(bounds), (place, open));
        let service = http::service(stack, doing, self.forwarding.clone(), peer);
        let connection = self.http.serve_connection_with_upgrades(hyper_util::rt::TokioIo::new(stream), service);
        watcher.watch(connection.into_owned()).await
    }

    /// What comes before HTTP. An error comes with the word that it is counted under.
    async fn open(
        &self,
        mut stream: TcpStream,
        mut peer: IpAddr,
    ) -> Result<(Either<TcpStream, Box<tokio_rustls::server::TlsStream<TcpStream>>>, IpAddr), (&'static str, io::Error)>
    {
        if self.settings.proxies.proxy_protocol.iter().any(|network| network.contains(&peer)) {
            let source = proxy_protocol::read(&mut stream).await.map_err(|error| ("proxy_protocol", error))?;
            peer = source.unwrap_or(peer);
        }
        let Some(tls) = &self.tls else { return Ok((Either::Left(stream), peer)) };
        let stream = tls.acceptor().accept(stream).await.map_err(|error| ("tls", error))?;
        Ok((Either::Right(Box::new(stream)), peer))
    }
}

/// Raises the limit of open files as far as the system allows. Where that is not far enough for the connections that are
/// to be allowed, it is said at the start and not when they come.
fn make_room(connections: usize) {
    /// Of the database, Redis, the log.
    const OTHERS: u64 = 256;
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) if files < connections as u64 + OTHERS => {
            tracing::warn!(files, connections, "fewer files may be open than connections are allowed: see ulimit -n");
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the limit of open files could not be raised"),
    }
}

#[cfg(test)]
mod tests {
    use super::NO_PLACE;

    #[test]
    fn the_apology_is_as_long_as_it_says() {
        let (head, body) = NO_PLACE.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{}", body.len());
    }
}

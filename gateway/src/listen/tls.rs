//! Certificate and key, taken up anew when the files change or at SIGHUP.
//!
//! A connection keeps what it was opened with; the next one gets what is newest. Files that cannot be used change nothing,
//! and the log says why: a certificate and its key are often written one after the other.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::config::{TlsSettings, WrongSetting};
use crate::metrics::Metrics;

/// What new connections are opened with.
pub struct Tls(watch::Receiver<Arc<ServerConfig>>);

struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// Both files as they were read, without the key itself.
type Print = Option<[u8; 32]>;

impl Tls {
    /// Reads the files and keeps an eye on them; `None` where none are named.
    pub fn load(settings: &TlsSettings, metrics: Arc<Metrics>) -> Result<Option<Self>, WrongSetting> {
        let Some((certificate, key)) = settings.files()? else { return Ok(None) };
        let files = Files { certificate, key };
        let (print, config) = files.read();
        let config = config.map_err(|why| {
            WrongSetting::new("--tls-certificate (PREFECTURE_TLS_CERTIFICATE)", why, "/etc/prefecture/tls.crt")
        })?;
        let (newest, current) = watch::channel(config);
        tokio::spawn(keep_fresh(files, print, settings.tls_reload, newest, metrics));
        Ok(Some(Self(current)))
    }

    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.borrow().clone())
    }
}

/// Ends with the listener.
async fn keep_fresh(
    files: Files,
    mut seen: Print,
    every: Duration,
    newest: watch::Sender<Arc<ServerConfig>>,
    metrics: Arc<Metrics>,
) {
    let mut hangup = match signal(SignalKind::hangup()) {
        Ok(hangup) => Some(hangup),
        Err(error) => {
            tracing::warn!(%error, "SIGHUP is not heard");
            None
        }
    };
    loop {
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            Some(()) = async { hangup.as_mut()?.recv().await } => {}
            () = newest.closed() => return,
        }
        // Two small files, once in a while.
        let (print, config) = files.read();
        if print == seen {
            continue;
        }
        seen = print;
        match config {
            Ok(config) => {
                newest.send_replace(config);
                metrics.connections.tls_reloaded("taken");
                tracing::info!("the TLS certificate was taken up anew");
            }
            Err(why) => {
                metrics.connections.tls_reloaded("refused");
                tracing::error!(why, "the TLS certificate cannot be used: new connections get the one before it");
            }
        }
    }
}

impl Files {
    fn read(&self) -> (Print, Result<Arc<ServerConfig>, String>) {
        let (certificate, key) = match (read(&self.certificate), read(&self.key)) {
            (Ok(certificate), Ok(key)) => (certificate, key),
            (Err(why), _) | (_, Err(why)) => return (None, Err(why)),
        };
        let print = Sha256::new().chain_update(Sha256::digest(&certificate)).chain_update(&key).finalize().into();
        let config = self.config(&certificate, &key);
        (Some(print), config)
    }

    /// # Errors
    /// A sentence that names the file. It never holds what is in the key's.
    fn config(&self, certificate: &[u8], key: &[u8]) -> Result<Arc<ServerConfig>, String> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate)
            .collect::<Result<_, _>>()
            .map_err(|error| format!("{} is no PEM file: {error}", self.certificate.display()))?;
        if chain.is_empty() {
            return Err(format!("{} holds no certificate", self.certificate.display()));
        }
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|_| format!("{} holds no private key in PEM", self.key.display()))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|error| {
                let (certificate, key) = (self.certificate.display(), self.key.display());
                format!("{certificate} and {key} cannot be used together: {error}")
            })?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
}

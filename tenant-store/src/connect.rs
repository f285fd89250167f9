//! Where Postgres is, how connections to it are made, and how the program knows that they are gone.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Connect, Manager, ManagerConfig, RecyclingMethod};
use futures_util::future::BoxFuture;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Error, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_util::task::TaskTracker;

/// How long the end waits for connections that are closing.
const GONE_WITHIN: Duration = Duration::from_secs(1);

/// A connection string, parsed: `postgres://…` or `key=value …`, of libpq's words those that tokio-postgres knows, with
/// `sslmode` and `sslrootcert`.
///
/// TLS is used with `sslmode=require`, `verify-ca` and `verify-full`, which are one here, or where only `sslrootcert` is given: the server's certificate and its
/// name are checked, against the system's roots (or those in `SSL_CERT_FILE`) and those in `sslrootcert`. Without one of
/// them the connection is plain, because what is encrypted for whoever answers is not safe, and should not look so.
#[derive(Clone)]
pub struct Postgres {
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

/// Why a text is no [`Postgres`]. Quotes nothing of it, for it may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum NotPostgres {
    #[error("is not a Postgres connection string")]
    Text,
    #[error("names a file of roots (sslrootcert) that cannot be used: {0}")]
    Roots(String),
}

impl FromStr for Postgres {
    type Err = NotPostgres;

    fn from_str(text: &str) -> Result<Self, NotPostgres> {
        let (text, mode) = without(text, "sslmode");
        let (text, roots) = without(&text, "sslrootcert");
        let mut config: Config = text.parse().map_err(|_| NotPostgres::Text)?;
        // By a spelling that the parser knows and `without` does not.
        let hidden = config.get_ssl_mode() == SslMode::Require;
        let asked = match mode.as_deref() {
            // Whoever names roots wants them used.
            None => hidden || roots.is_some(),
            Some("disable" | "allow" | "prefer") => hidden,
            Some("require" | "verify-ca" | "verify-full") => true,
            Some(_) => return Err(NotPostgres::Text),
        };
        let tls = if asked { Some(MakeRustlsConnect::new(trusting(roots)?)) } else { None };
        config.ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable });
        Ok(Self { config, tls })
    }
}

impl Postgres {
    /// The login.
    pub fn user(&self) -> Option<&str> {
        self.config.get_user()
    }

    /// The same, under a name by which the database shows its connections.
    pub(crate) fn named(mut self, application: &str) -> Self {
        self.config.application_name(application);
        self
    }

    /// The same, with an option of the session more (`-c name=value`).
    pub(crate) fn with_option(mut self, option: &str) -> Self {
        let given = self.config.get_options().unwrap_or_default().to_owned();
        self.config.options(format!("{given} {option}").trim());
        self
    }

    /// A connection beside the pools, with the task that serves it until the client is dropped.
    pub(crate) async fn connect(&self, within: Duration) -> Result<(Client, JoinHandle<()>), Error> {
        let mut config = self.config.clone();
        config.connect_timeout(within);
        let connector = Connector::to(self);
        // Whoever works with it hears of its end.
        connector.open.close();
        connector.connect(&config).await
    }
}

/// A connection string without one of its words, and the word's value.
fn without(text: &str, word: &str) -> (String, Option<String>) {
    let is_url = text.starts_with("postgres://") || text.starts_with("postgresql://");
    let (head, words, between) = match text.split_once('?') {
        Some((head, words)) if is_url => (format!("{head}?"), words, '&'),
        _ if is_url => return (text.to_owned(), None),
        _ => (String::new(), text, ' '),
    };
    let mut value = None;
    let rest: Vec<&str> = words
        .split(between)
        .filter(|pair| match pair.split_once('=') {
            Some((name, given)) if name == word => {
                value = Some(given.to_owned());
                false
            }
            _ => true,
        })
        .collect();
    let value = value.map(|given| match is_url {
        true => percent_encoding::percent_decode_str(&given).decode_utf8_lossy().into_owned(),
        false => given.trim_matches('\'').to_owned(),
    });
    ((head + &rest.join(&between.to_string())).trim_end_matches('?').to_owned(), value)
}

fn trusting(file: Option<String>) -> Result<ClientConfig, NotPostgres> {
    let mut roots = RootCertStore::empty();
    // A certificate of the system's that cannot be read is one that is not trusted.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    // libpq's word for the system's own.
    if let Some(file) = file.filter(|file| file != "system").map(PathBuf::from) {
        let wrong = |why: String| NotPostgres::Roots(format!("{}: {why}", file.display()));
        let certificates = CertificateDer::pem_file_iter(&file).map_err(|error| wrong(error.to_string()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
            roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| NotPostgres::Roots(error.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Makes the connections of one pool and follows them to their end.
#[derive(Clone)]
pub(crate) struct Connector {
    tls: Option<MakeRustlsConnect>,
    open: TaskTracker,
}

impl Connector {
    pub fn to(postgres: &Postgres) -> Self {
        Self { tls: postgres.tls.clone(), open: TaskTracker::new() }
    }

    /// Of a pool. Its connections come to rest as they are: their state is known from the way they were used, and a clean-up
    /// would cost a trip and drop the plans.
    pub fn manager(&self, postgres: &Postgres) -> Manager {
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        Manager::from_connect(postgres.config.clone(), self.clone(), recycling)
    }

    /// Returns when all connections are closed, which their owners have to do. From here on a connection that breaks is no
    /// news.
    pub async fn gone(&self) {
        self.open.close();
        let _ = tokio::time::timeout(GONE_WITHIN, self.open.wait()).await;
    }

    async fn open<T>(&self, config: &Config, tls: T) -> Result<(Client, JoinHandle<()>), Error>
    where
        T: MakeTlsConnect<Socket, Stream: Send + 'static, TlsConnect: Send>,
        <T::TlsConnect as tokio_postgres::tls::TlsConnect<Socket>>::Future: Send,
    {
        let (client, connection) = config.connect(tls).await?;
        let open = self.open.clone();
        let task = self.open.spawn(async move {
            match connection.await {
                Err(error) if !open.is_closed() => tracing::warn!(%error, "a connection to Postgres broke"),
                _ => {}
            }
        });
        Ok((client, task))
    }
}

impl Connect for Connector {
    fn connect(&self, config: &Config) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), Error>> {
        let config = config.clone();
        Box::pin(async move {
            match &self.tls {
                Some(tls) => self.open(&config, tls.clone()).await,
                None => self.open(&config, NoTls).await,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_tls_are_ours_and_the_rest_is_left_as_it_is() {
        for (text, word, rest, value) in [
            (
                "postgres://u:p@h/d?sslmode=verify-full&options=-c%20a",
                "sslmode",
                "postgres://u:p@h/d?options=-c%20a",
                Some("verify-full"),
            ),
            ("postgresql://u@h/d?sslrootcert=%2Fa%20b", "sslrootcert", "postgresql://u@h/d", Some("/a b")),
            ("postgres://sslmode=x@h/d", "sslmode", "postgres://sslmode=x@h/d", None),
            ("host=h sslmode=require user=u", "sslmode", "host=h user=u", Some("require")),
        ] {
            assert_eq!(without(text, word), (rest.to_owned(), value.map(str::to_owned)), "{text}");
        }
    }

    #[test]
    fn tls_is_used_where_it_is_asked_for() {
        for (mode, is_used) in [("prefer", false), ("disable", false), ("require", true), ("verify-full", true)] {
            let postgres: Postgres = format!("postgres://u@h/d?sslmode={mode}").parse().unwrap();
            assert_eq!(postgres.tls.is_some(), is_used, "{mode}");
            assert_eq!(postgres.config.get_ssl_mode(), if is_used { SslMode::Require } else { SslMode::Disable });
        }
    }

    #[test]
    fn no_spelling_of_a_wish_for_tls_is_missed() {
        for text in [
            "host=h user=u sslmode = require",
            "host=h user=u\tsslmode=require",
            "host=h\nuser=u\nsslmode=require\n",
            "host=h user=u sslmode='require'",
            "postgres://u:p?w@h/d?sslmode=require",
            "postgres://u@h/d?ssl%6Dode=require",
            "postgres://u@h/d?sslrootcert=system",
        ] {
            // Refused is well, too: what must not be is a plain connection.
            assert!(text.parse::<Postgres>().map_or(true, |postgres| postgres.tls.is_some()), "{text:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for (text, says) in [
            ("postgres://u:secret@h/d?sslmode=always", "is not a Postgres"),
            ("postgres://u:secret@h:port/d", "is not a Postgres"),
            ("postgres://u:secret@h/d?sslmode=require&sslrootcert=/nowhere", "/nowhere"),
        ] {
            let said = text.parse::<Postgres>().map(drop).unwrap_err().to_string();
            assert!(said.contains(says) && !said.contains("secret"), "{said}");
        }
    }
}

//! Asks an issuer for its keys. Bounded in time and size; follows a redirect only on the host that the operator named.

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Url};
use serde::Deserialize;
use tenant_store::control::Issuer;

use super::address::{self, may_follow};
use super::key_set::KeySet;
use crate::config::{TokenSettings, WrongSetting};

/// Redirects in a row at most.
const MOST_REDIRECTS: usize = 3;

#[derive(Clone)]
pub struct Fetcher {
    client: Client,
    /// Largest answer, in bytes.
    largest: usize,
}

/// What is needed of a discovery document.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl Fetcher {
    /// # Errors
    /// Certificates that cannot be read.
    pub fn new(settings: &TokenSettings) -> Result<Self, WrongSetting> {
        let same_host = Policy::custom(|attempt| {
            let from = attempt.previous().last().cloned();
            match from.is_some_and(|from| may_follow(&from, attempt.url())) {
                true if attempt.previous().len() <= MOST_REDIRECTS => attempt.follow(),
                _ => attempt.error("a redirect to another host, to a less safe address, or one too many"),
            }
        });
        let mut client = Client::builder()
            .user_agent(concat!("prefecture/", env!("CARGO_PKG_VERSION")))
            .timeout(settings.issuer_timeout)
            .redirect(same_host);
        if let Some(file) = &settings.issuer_ca {
            let wrong = |why: String| WrongSetting::new("--issuer-ca (PREFECTURE_ISSUER_CA)", why, "/etc/ssl/idp.pem");
            let pem = std::fs::read(file).map_err(|error| wrong(format!("{}: {error}", file.display())))?;
            let all = Certificate::from_pem_bundle(&pem).map_err(|_| wrong(format!("{} is no PEM", file.display())))?;
            client = client.tls_certs_merge(all);
        }
        let client = client.build().map_err(|error| {
            WrongSetting::new("--issuer-ca (PREFECTURE_ISSUER_CA)", readable(&error), "/etc/ssl/idp.pem")
        })?;
        Ok(Self { client, largest: settings.issuer_answer })
    }

    /// The keys that an issuer publishes now.
    ///
    /// # Errors
    /// A sentence for the operator, with the address that was asked.
    pub async fn keys(&self, issuer: &Issuer) -> Result<KeySet, String> {
        let url = match &issuer.jwks_url {
            Some(url) => address::is_key_set(url)?,
            None => self.discover(&issuer.url).await?,
        };
        KeySet::read(&self.get(&url).await?).map_err(|why| format!("{url}: {why}"))
    }

    /// Where an issuer says its keys are.
    async fn discover(&self, issuer: &str) -> Result<Url, String> {
        let document = address::discovery(&address::is_issuer(issuer)?);
        let answer = self.get(&document).await?;
        let found: Discovery =
            serde_json::from_slice(&answer).map_err(|_| format!("{document}: no discovery document"))?;
        // To the letter (OpenID Connect Discovery 1.0, section 4.3), or one issuer could speak for another.
        if found.issuer != issuer {
            return Err(format!("{document}: it is the document of another issuer"));
        }
        match Url::parse(&found.jwks_uri).ok().filter(|url| may_follow(&document, url)) {
            Some(url) => Ok(url),
            None => Err(format!("{document}: its keys are on another host; name the address with --jwks-url")),
        }
    }

    async fn get(&self, url: &Url) -> Result<Vec<u8>, String> {
        let failed = |error: &reqwest::Error| format!("{url}: {}", readable(error));
        let mut answer = self.client.get(url.clone()).send().await.map_err(|error| failed(&error))?;
        if !answer.status().is_success() {
            return Err(format!("{url}: answered {}", answer.status()));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| failed(&error))? {
            if bytes.len() + chunk.len() > self.largest {
                return Err(format!("{url}: the answer is larger than {} bytes", self.largest));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

/// The error with its causes, which is where the reason stands; without the address, which is said once.
fn readable(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() { "no answer in time".to_owned() } else { "cannot be asked".to_owned() };
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

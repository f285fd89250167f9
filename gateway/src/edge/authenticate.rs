//! Who calls: a key as `Bearer`, or as the password (or the whole) of `Basic`; schemes in any case.
//!
//! Refuses a missing, unknown, malformed, revoked or expired key (401), and a workspace or account that is unknown, foreign
//! or not the caller's: one 404, byte for byte. A control database that is away is 503, never 401, on which clients give up.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use tenant_store::control::{AccountEntry, Entry};

use super::layer::{Below, Step};
use super::limit::chance;
use super::refuse::refuse;
use super::way::Entered;
use super::{Request, Way};
use crate::App;
use crate::kit::{ClientAddress, Failure, Need, Reply, Response, Secret, Tenant};
use crate::limits::retry_after;

const TOO_MANY: &str = "Too many invalid keys came from this address";

#[derive(Clone)]
pub struct Authenticate(pub App);

impl Step for Authenticate {
    async fn run(&self, mut request: Request, below: &impl Below) -> Response {
        let key = key_of(request.headers());
        let client = ClientAddress::of(request.extensions());
        let way = Way::of(&mut request);
        let need = way.op.map(|op| op.need);
        let entered = match (need, key) {
            // A socket that brings no header says its key in a message; one that brings a bad header is refused here.
            (None | Some(Need::Nothing), _) | (Some(Need::WorkspaceByMessage(_)), None) => Ok(Entered::Nobody),
            (Some(_), None) => Err(Failure::unauthenticated()),
            (Some(_), Some(key)) => {
                let entered = enter_from(&self.0, client, &key, way.address.tenant).await;
                way.key = Some(Secret(key));
                entered
            }
        };
        match entered {
            Ok(entered) => {
                way.entered = entered;
                below.answer(request).await
            }
            Err(failure) => refuse(request, failure, "authenticate").await,
        }
    }
}

/// Lets a key from somewhere into what the address names. Where too many came from in vain, none is looked at (429) but
/// one that was good a moment ago.
pub async fn enter_from(app: &App, client: ClientAddress, key: &str, tenant: Tenant) -> Reply<Entered> {
    let guesses = &app.limits().guesses;
    if guesses.refuses(client.ip()) && !app.keys().knows(key) {
        app.metrics().limits.refused("guesses");
        return Err(Failure::limited("guesses", TOO_MANY, retry_after(0, chance())));
    }
    let entered = enter(app, key, tenant).await;
    if entered.as_ref().is_err_and(|failure| failure.status() == StatusCode::UNAUTHORIZED) {
        app.metrics().limits.bad_key();
        guesses.failed(client.ip());
    }
    entered
}

/// Lets a key into what the address names.
pub async fn enter(app: &App, key: &str, tenant: Tenant) -> Reply<Entered> {
    match tenant {
        Tenant::Nobody => match app.keys().authenticate(key).await? {
            Some(principal) => Ok(Entered::Key(principal)),
            None => Err(Failure::unauthenticated()),
        },
        Tenant::Account(account) => match app.keys().enter_account(key, account).await? {
            AccountEntry::BadKey => Err(Failure::unauthenticated()),
            AccountEntry::NoAccount => Err(Failure::not_found("Account not found")),
            AccountEntry::Member(member) => Ok(Entered::Account(member)),
        },
        Tenant::Workspace(account, workspace) => match app.keys().enter(key, account, workspace).await? {
            Entry::BadKey => Err(Failure::unauthenticated()),
            Entry::NoWorkspace => Err(Failure::no_workspace()),
            Entry::Member(member) => Ok(Entered::Workspace(member)),
        },
    }
}

/// The key in the `Authorization` header. Something there that is no key at all is an empty one, which no one has.
fn key_of(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?;
    // Whoever stands between may have looked at another one.
    if values.next().is_some() {
        return Some(String::new());
    }
    let Some((scheme, rest)) = value.to_str().ok().and_then(|text| text.trim().split_once(' ')) else {
        return Some(String::new());
    };
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let decoded = STANDARD.decode(rest.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        return Some(decoded.map(|text| key_of_pair(&text).to_owned()).unwrap_or_default());
    }
    Some(String::new())
}

/// The key of `user:key`, or of a bare `key`.
pub fn key_of_pair(text: &str) -> &str {
    text.rsplit_once(':').map_or(text, |(_, key)| key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(header: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, header.parse().unwrap());
        key_of(&headers)
    }

    #[test]
    fn every_way_to_bring_a_key() {
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        for header in
            ["Bearer pnu_x".to_owned(), "bearer pnu_x".into(), basic("pnu_x"), basic("any:pnu_x"), basic(":pnu_x")]
        {
            assert_eq!(key(&header).as_deref(), Some("pnu_x"), "{header}");
        }
        for header in ["Basic !!", "Digest x", "pnu_x"] {
            assert_eq!(key(header).as_deref(), Some(""), "{header}");
        }
        assert_eq!(key_of(&HeaderMap::new()), None);
        let mut two = HeaderMap::new();
        two.append(AUTHORIZATION, "Bearer pnu_x".parse().unwrap());
        two.append(AUTHORIZATION, "Bearer pnu_y".parse().unwrap());
        assert_eq!(key_of(&two).as_deref(), Some(""), "two keys are none");
    }
}

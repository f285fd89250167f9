//! Which tenant a path names, in every spelling:
//!
//! ```text
//! /api/accounts/{id}/workspaces/{id}/…     canonical
//! /account/{id}/workspace/{id}/…           singular, with or without /api
//! /api/v3/…                                the version segment of the API's description, behind /api only
//! /api/accounts/{id}/…                     the account
//! /api/…  and  /…                          neither; with a default workspace, what the root does not have is its
//! ```
//!
//! Refuses a request that names several hosts, or none in HTTP/1.1 (400; RFC 9112, 3.2): a proxy in front may take another one.

use domain::{AccountId, WorkspaceId};
use http::Version;
use http::header::HOST;
use uuid::Uuid;

use super::layer::{Glance, Refusal};
use super::{Request, Way};
use crate::kit::{Address, Failure, Tenant};

#[derive(Clone)]
pub struct Strip {
    default_workspace: Option<(AccountId, WorkspaceId)>,
}

impl Strip {
    pub fn new(default_workspace: Option<(AccountId, WorkspaceId)>) -> Self {
        Self { default_workspace }
    }
}

impl Glance for Strip {
    type Kept = ();

    fn down(&self, request: &mut Request) -> Result<(), Refusal> {
        if !names_one_host(request) {
            return Err(Refusal(Failure::bad_request("A request has one Host."), "address"));
        }
        let address = read(request.uri().path(), self.default_workspace);
        Way::of(request).address = address;
        Ok(())
    }
}

/// In HTTP/2 the host may stand in two places, which then say the same (RFC 9113, 8.3.1).
fn names_one_host(request: &Request) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (_, Some(_)) => false,
        (None, None) => request.version() != Version::HTTP_11,
        (Some(host), None) => match request.uri().authority() {
            Some(authority) if request.version() == Version::HTTP_2 => {
                host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes())
            }
            _ => true,
        },
    }
}

/// Pure: what a path means.
pub fn read(path: &str, default_workspace: Option<(AccountId, WorkspaceId)>) -> Address {
    let mut rest = path;
    if let Some(below) = strip(rest, &["api"]) {
        rest = strip(below, &["v3"]).unwrap_or(below);
    }
    if let Some((account, below)) = strip(rest, &["accounts", "account"]).and_then(id) {
        let account = AccountId(account);
        if let Some((workspace, below)) = strip(below, &["workspaces", "workspace"]).and_then(id) {
            return at(Tenant::Workspace(account, WorkspaceId(workspace)), below);
        }
        return at(Tenant::Account(account), below);
    }
    Address { fallback: default_workspace, ..at(Tenant::Nobody, rest) }
}

fn at(tenant: Tenant, path: &str) -> Address {
    let path = if path.is_empty() { "/".to_owned() } else { path.to_owned() };
    Address { tenant, path, fallback: None }
}

/// The path behind a first segment that is one of `names`; begins with `/` or is empty.
fn strip<'p>(path: &'p str, names: &[&str]) -> Option<&'p str> {
    let (segment, below) = first(path)?;
    names.contains(&segment).then_some(below)
}

/// A first segment that is an id, and the path behind it.
fn id(path: &str) -> Option<(Uuid, &str)> {
    let (segment, below) = first(path)?;
    // Only the 36 characters that clients write: other spellings of a UUID would be other addresses of the same thing.
    (segment.len() == 36).then(|| Uuid::try_parse(segment).ok()).flatten().map(|id| (id, below))
}

/// The first segment of a path, and the path behind it. By bytes: a search for a character costs more than these paths are long.
fn first(path: &str) -> Option<(&str, &str)> {
    let below = path.strip_prefix('/')?;
    Some(below.split_at(below.bytes().position(|byte| byte == b'/').unwrap_or(below.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "6f0f0000-0000-4000-8000-000000000001";
    const W: &str = "0b1c0000-0000-4000-8000-000000000002";

    fn tenant() -> Tenant {
        Tenant::Workspace(AccountId(Uuid::parse_str(A).unwrap()), WorkspaceId(Uuid::parse_str(W).unwrap()))
    }

    #[test]
    fn every_spelling_of_a_workspace() {
        for api in ["", "/api", "/api/v3"] {
            for (a, w) in [("accounts", "workspaces"), ("account", "workspace"), ("account", "workspaces")] {
                let address = read(&format!("{api}/{a}/{A}/{w}/{W}/flows/filter"), None);
                assert_eq!((address.tenant, address.path.as_str()), (tenant(), "/flows/filter"), "{api} {a} {w}");
            }
        }
        assert_eq!(read(&format!("/api/accounts/{A}/workspaces/{W}"), None).path, "/");
    }

    #[test]
    fn a_version_is_no_part_of_a_path() {
        assert_eq!(
            read(&format!("/api/accounts/{A}/workspaces/{W}/v2/concurrency_limits/"), None).path,
            "/v2/concurrency_limits/"
        );
        assert_eq!(read("/v3/flows/", None).path, "/v3/flows/");
        assert_eq!(read("/api/v2/concurrency_limits/", None).path, "/v2/concurrency_limits/");
    }

    #[test]
    fn accounts_and_the_root() {
        let account = read(&format!("/api/accounts/{A}/workspaces/filter"), None);
        assert_eq!(
            (account.tenant, account.path.as_str()),
            (Tenant::Account(AccountId(Uuid::parse_str(A).unwrap())), "/workspaces/filter")
        );
        assert_eq!(read("/api/me/workspaces", None).path, "/me/workspaces");
        assert_eq!(read("/api/accounts/permissions", None).path, "/accounts/permissions");
        assert_eq!(read("/", None).path, "/");
        assert_eq!(read("//api", None).path, "//api");
    }
}

//! One request on its way through an operation: who calls, with what, and the way to the workspace's data.

use std::time::Instant;

use bytes::Bytes;
use domain::ActorId;
use domain::access::ScopeName;
use http::header::HOST;
use http::{HeaderMap, Uri};
use hyper::upgrade::OnUpgrade;
use tenant_store::control::{AccountMember, Membership, Principal};
use tenant_store::{Scope, Tx};

use super::{Failure, Op, Reply};
use crate::App;

/// The values of a path's parameters, decoded, in order.
#[derive(Debug, Clone, Default)]
pub struct Params(pub Vec<(&'static str, String)>);

impl Params {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

/// Who was let in, and how far.
#[derive(Clone)]
pub enum Caller {
    /// The operation is open.
    Nobody,
    Key(Principal),
    Account(AccountMember),
    Workspace {
        member: Membership,
        scope: Scope,
    },
}

impl Caller {
    /// Who acts; `None` where the operation is open.
    pub fn actor(&self) -> Option<ActorId> {
        match self {
            Caller::Nobody => None,
            Caller::Key(principal) => Some(principal.actor),
            Caller::Account(member) => Some(member.principal().actor),
            Caller::Workspace { member, .. } => Some(member.principal().actor),
        }
    }
}

/// A request that was let in.
pub struct Call {
    pub app: App,
    pub op: &'static Op,
    pub caller: Caller,
    pub params: Params,
    pub query: Option<String>,
    /// As it was asked for, spelling and all.
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub request_id: String,
    pub address: super::Address,
    pub key: Option<super::Secret>,
    /// Where it came from.
    pub client: super::ClientAddress,
    /// Where a web socket begins; taken once.
    pub upgrade: Option<OnUpgrade>,
    pub arrived: Instant,
    /// Its places among the requests in work, which it gives back where it only waits.
    pub in_hand: super::InHand,
}

impl Call {
    /// The caller's way into the workspace.
    pub fn scope(&self) -> Reply<&Scope> {
        match &self.caller {
            Caller::Workspace { scope, .. } => Ok(scope),
            _ => Err(Failure::internal("an operation without a workspace asked for one")),
        }
    }

    /// A transaction of reads in the workspace; each statement is one trip.
    pub async fn read(&self) -> Reply<Tx<'_>> {
        Ok(self.scope()?.read(self.op.lane).await?.reading_at_most(self.app.edge().answer_limit))
    }

    /// A transaction that writes in the workspace.
    pub async fn write(&self) -> Reply<Tx<'_>> {
        Ok(self.scope()?.write(self.op.lane).await?.announcing(self.op.touched()))
    }

    /// The key's owner.
    pub fn principal(&self) -> Reply<&Principal> {
        match &self.caller {
            Caller::Key(principal) => Ok(principal),
            Caller::Account(member) => Ok(member.principal()),
            Caller::Workspace { member, .. } => Ok(member.principal()),
            Caller::Nobody => Err(Failure::internal("an open operation asked for its caller")),
        }
    }

    /// The caller's membership of the workspace.
    pub fn member(&self) -> Reply<&Membership> {
        match &self.caller {
            Caller::Workspace { member, .. } => Ok(member),
            _ => Err(Failure::internal("an operation without a workspace asked for one")),
        }
    }

    /// For a part of an answer, or of what is sent, that tells of something else than the operation is about: 403 with the
    /// scope that lacks. `part` ends the sentence.
    pub fn needs_too(&self, scope: ScopeName, part: &str) -> Reply<()> {
        match self.sees(scope)? {
            true => Ok(()),
            false => Err(Failure::forbidden(format!("Your role in this workspace lacks the scope {scope}, {part}."))),
        }
    }

    /// Whether the caller has this scope in the workspace, for a part of an answer that is left out otherwise.
    pub fn sees(&self, scope: ScopeName) -> Reply<bool> {
        Ok(self.member()?.scopes().contains(scope))
    }

    /// The caller's membership of the account.
    pub fn account(&self) -> Reply<&AccountMember> {
        match &self.caller {
            Caller::Account(member) => Ok(member),
            _ => Err(Failure::internal("an operation without an account asked for one")),
        }
    }

    /// The whole address of what is at `path` of the same tenant, in the caller's own spelling: it is for the caller to
    /// follow, so it is believed about scheme and host.
    pub fn own_url(&self, path: &str) -> String {
        let forwarded = self.header("x-forwarded-proto").filter(|scheme| matches!(*scheme, "http" | "https"));
        let scheme = forwarded.unwrap_or_else(|| self.app.scheme());
        // HTTP/2 names the host beside the path.
        let host = self.uri.authority().map(|host| host.as_str()).or_else(|| self.header(HOST.as_str()));
        let tenant = self.uri.path().strip_suffix(&self.address.path).unwrap_or_default();
        format!("{scheme}://{}{tenant}{path}", host.unwrap_or("localhost"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

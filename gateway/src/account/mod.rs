//! Everything above the workspace: who one is, accounts and their members, workspaces and who may enter them, service
//! accounts, keys and roles. Shapes and status codes are those that independent clients (the SDK's cloud commands, the
//! Terraform provider) accept. No slice imports a sibling.

mod access;
mod accounts;
mod bots;
mod discovery;
mod identities;
mod input;
mod me;
mod members;
mod rate_limits;
mod roles;
mod shapes;
mod usage;
mod users;
mod workspaces;

use domain::WorkspaceId;
use domain::access::Permission;
use input::{AnyName, Handle, Name, OneOrMany, names};
use shapes::{KeyCreated, KeyShown, Workspace, plan_type};
use tenant_store::Error as StoreError;
use tenant_store::control::By;
use uuid::Uuid;

use crate::kit::{Call, Failure, Op, Reply};

/// The slices without a tenant in their address.
pub fn of_root() -> Vec<&'static [Op]> {
    vec![discovery::OPS, me::OPS, users::OPS]
}

/// The slices of an account.
pub fn of_account() -> Vec<&'static [Op]> {
    vec![
        accounts::OPS,
        members::OPS,
        bots::OPS,
        identities::OPS,
        rate_limits::OPS,
        usage::OPS,
        roles::OPS,
        workspaces::OPS,
    ]
}

/// The slices of a workspace.
pub fn of_workspace() -> Vec<&'static [Op]> {
    vec![workspaces::OF_WORKSPACE, access::OPS]
}

/// The caller, for the audit log.
fn by(cx: &Call) -> Reply<By> {
    Ok(By::Actor(cx.principal()?.actor))
}

/// The ladder of this room: the control plane's refusals are sentences for the client.
fn shown(error: StoreError) -> Failure {
    match error {
        StoreError::Conflict(sentence) => Failure::conflict(sentence),
        other => other.into(),
    }
}

/// The workspaces that a member may know of; `None` is all of the account, for who administers it.
async fn open_workspaces(cx: &Call) -> Reply<Option<Vec<WorkspaceId>>> {
    let member = cx.account()?;
    if member.may(Permission::UpdateAccount) {
        return Ok(None);
    }
    let reached = cx.app.control().my_workspaces(member.principal().actor).await?;
    Ok(Some(reached.into_iter().map(|found| found.workspace).collect()))
}

/// An id in a path that has no type of its own; a broken one is no route.
fn id_of(text: &str) -> Reply<Uuid> {
    let id = if text.len() == 36 { Uuid::try_parse(text).ok() } else { None };
    id.ok_or_else(Failure::no_route)
}

//! The audit log of the control plane: what was changed, and by whom, in the transaction of the change itself.

use domain::{AccountId, ActorId, WorkspaceId};
use uuid::Uuid;
use wire::{RawJson, Time};

use super::db::Transaction;
use crate::Result;

/// Who changes the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Actor(ActorId),
    /// `prefecture admin`, `dev` and background work.
    Shell,
}

/// One change. Events are named `prefect-cloud.{type}.{action}`, as the account's event stream shows them.
pub(super) struct Change<'a> {
    pub event: &'static str,
    pub account: Option<AccountId>,
    pub workspace: Option<WorkspaceId>,
    pub resource: Uuid,
    pub detail: &'a serde_json::Value,
}

const WRITE: &str = "insert into control.audit (id, account_id, workspace_id, actor_id, event, resource_id, detail)
    values ($1, $2, $3, $4, $5, $6, $7)";

pub(super) async fn write(tx: &Transaction<'_>, by: By, change: Change<'_>) -> Result<()> {
    let Change { event, account, workspace, resource, detail } = change;
    let actor = match by {
        By::Actor(actor) => Some(actor),
        By::Shell => None,
    };
    let id = domain::EventId::new(Time::of_machine());
    tx.run(WRITE, &[&id, &account, &workspace, &actor, &event, &resource, &RawJson::of(detail)]).await?;
    Ok(())
}

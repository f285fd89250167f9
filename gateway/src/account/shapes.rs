//! Answers that several slices give.

use domain::{AccountId, KeyId, RoleId, WorkspaceId};
use serde::Serialize;
use tenant_store::control::{self, IssuedKey, KeyInfo};
use wire::{Output, Time};

use crate::kit::Call;

/// Of an account that no plan limits, as clients know it.
const UNLIMITED: &str = "ENTERPRISE";

/// The plan an account is on, in the capitals that clients know: its own, else the installation's.
pub fn plan_type(cx: &Call, own: Option<&str>) -> String {
    let default = cx.app.edge().limits.default_plan.as_deref();
    own.or(default).map_or_else(|| UNLIMITED.to_owned(), str::to_ascii_uppercase)
}

/// A key without its secret.
#[derive(Debug, Serialize, Output)]
pub struct KeyShown {
    id: KeyId,
    created: Time,
    name: String,
    expiration: Option<Time>,
    masked_key: String,
}

impl From<KeyInfo> for KeyShown {
    fn from(info: KeyInfo) -> Self {
        let KeyInfo { id, created, name, mask, expiration, .. } = info;
        Self { id, created, name, expiration, masked_key: mask }
    }
}

/// A new key. Its secret is in no other answer; no `Debug`, so that no log has it either.
#[derive(Serialize, Output)]
pub struct KeyCreated {
    id: KeyId,
    created: Time,
    name: String,
    expiration: Option<Time>,
    key: String,
}

impl From<IssuedKey> for KeyCreated {
    fn from(issued: IssuedKey) -> Self {
        let IssuedKey { info: KeyInfo { id, created, name, expiration, .. }, key } = issued;
        Self { id, created, name, expiration, key: key.secret().to_owned() }
    }
}

/// A workspace.
#[derive(Debug, Serialize, Output)]
pub struct Workspace {
    id: WorkspaceId,
    created: Time,
    updated: Time,
    account_id: AccountId,
    name: String,
    description: String,
    handle: String,
    /// What every member of the account may do here; null leaves it to those who were given a role.
    default_workspace_role_id: Option<RoleId>,
    is_public: bool,
}

impl From<control::Workspace> for Workspace {
    fn from(workspace: control::Workspace) -> Self {
        Self {
            id: workspace.id,
            created: workspace.created,
            updated: workspace.updated,
            account_id: workspace.account,
            name: workspace.name,
            description: workspace.description,
            handle: workspace.handle,
            default_workspace_role_id: workspace.default_role,
            is_public: false,
        }
    }
}

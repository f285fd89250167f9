//! What a verified caller may do: the only maker of [`Permitted`].

use std::sync::Arc;

use domain::access::{Permission, Permissions, ScopeName, Scopes};
use domain::{AccountId, WorkspaceId};

use super::enter::Principal;
use crate::scope::{Permitted, Place, Visible};

/// A caller whose key was verified and who is a member of one workspace. Made by [`super::Control::enter`] alone.
#[derive(Clone)]
pub struct Membership(Arc<Inner>);

struct Inner {
    principal: Principal,
    account: AccountId,
    scopes: Scopes,
    place: Place,
}

impl Membership {
    pub(super) fn new(principal: Principal, account: AccountId, scopes: Scopes, place: Place) -> Self {
        Self(Arc::new(Inner { principal, account, scopes, place }))
    }

    pub fn principal(&self) -> &Principal {
        &self.0.principal
    }

    pub fn account(&self) -> AccountId {
        self.0.account
    }

    pub fn workspace(&self) -> WorkspaceId {
        self.0.place.workspace
    }

    /// Everything the caller's roles allow in this workspace.
    pub fn scopes(&self) -> Scopes {
        self.0.scopes
    }

    /// The proof that an operation of this scope may be done; `None` when no role of the caller holds it.
    pub fn permit(&self, scope: ScopeName) -> Option<Permitted> {
        let Inner { principal, scopes, place, .. } = &*self.0;
        if !scopes.contains(scope) {
            return None;
        }
        Some(Permitted { place: place.clone(), actor: principal.actor, visible: Visible::Everything })
    }
}

impl std::fmt::Debug for Membership {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Inner { principal, account, scopes, place } = &*self.0;
        f.debug_struct("Membership")
            .field("principal", principal)
            .field("account", account)
            .field("workspace", &place.workspace)
            .field("scopes", scopes)
            .finish()
    }
}

/// A caller whose key was verified and who is an active member of one account. Made by
/// [`super::Control::enter_account`] alone.
#[derive(Clone, Debug)]
pub struct AccountMember {
    pub(super) principal: Principal,
    pub(super) account: AccountId,
    pub(super) permissions: Permissions,
}

impl AccountMember {
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    pub fn account(&self) -> AccountId {
        self.account
    }

    pub fn permissions(&self) -> Permissions {
        self.permissions
    }

    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(permission)
    }
}

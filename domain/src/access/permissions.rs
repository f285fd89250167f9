//! The rights within one account.

use std::fmt;

use super::names::names;

names! {
    /// A right within one account.
    Permission {
        AddAccountMember = "add:account_member",
        AdministrateSso = "administrate:sso",
        AdministrateWorkspace = "administrate:workspace",
        BypassSso = "bypass:sso",
        CreateAccountRole = "create:account_role",
        CreateAuditEvent = "create:audit_event",
        CreateBot = "create:bot",
        CreateInvitation = "create:invitation",
        CreateTeam = "create:team",
        CreateWorkspace = "create:workspace",
        CreateWorkspaceInvitation = "create:workspace_invitation",
        CreateWorkspaceRole = "create:workspace_role",
        DeleteAccount = "delete:account",
        DeleteAccountMembership = "delete:account_membership",
        DeleteAccountRole = "delete:account_role",
        DeleteBot = "delete:bot",
        DeleteMexStorage = "delete:mex-storage",
        DeleteTeam = "delete:team",
        DeleteWorkspace = "delete:workspace",
        DeleteWorkspaceRole = "delete:workspace_role",
        ReadAccount = "read:account",
        ReadAccountMembership = "read:account_membership",
        ReadAccountRole = "read:account_role",
        ReadAuditEvent = "read:audit_event",
        ReadBilling = "read:billing",
        ReadBot = "read:bot",
        ReadIntegrations = "read:integrations",
        ReadInvitation = "read:invitation",
        ReadIpAllowlist = "read:ip_allowlist",
        ReadMexStorage = "read:mex-storage",
        ReadSso = "read:sso",
        ReadTeam = "read:team",
        ReadWorkspace = "read:workspace",
        ReadWorkspaceInvitation = "read:workspace_invitation",
        ReadWorkspaceRole = "read:workspace_role",
        UpdateAccount = "update:account",
        UpdateAccountMembership = "update:account_membership",
        UpdateAccountRole = "update:account_role",
        UpdateBilling = "update:billing",
        UpdateBot = "update:bot",
        UpdateIntegrations = "update:integrations",
        UpdateInvitation = "update:invitation",
        UpdateIpAllowlist = "update:ip_allowlist",
        UpdateMexStorage = "update:mex-storage",
        UpdateTeam = "update:team",
        UpdateWorkspaceInvitation = "update:workspace_invitation",
        UpdateWorkspaceRole = "update:workspace_role",
    }
}

/// A set of [`Permission`]s. None of them includes another.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions(u64);

impl Permissions {
    /// A number for each set, for keys of what depends on it.
    pub fn bits(self) -> u64 {
        self.0
    }

    /// From stored names; unknown ones are skipped, as with [`Scopes::from_names`].
    pub fn from_names<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Self {
        names.into_iter().filter_map(|name| Permission::from_name(name.as_ref())).collect()
    }

    pub fn of(names: &[Permission]) -> Self {
        names.iter().copied().collect()
    }

    pub fn contains(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// What of `other` is not in this set.
    pub fn lacks(self, other: Permissions) -> impl Iterator<Item = Permission> {
        other.iter().filter(move |permission| !self.contains(*permission))
    }

    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.contains(*permission))
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(permissions.into_iter().fold(0, |bits, permission| bits | permission.bit()))
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Permission::as_str)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_the_protocols() {
        assert_eq!(Permission::ALL.len(), 47);
        for permission in Permission::ALL {
            assert_eq!(Permission::from_name(permission.as_str()), Some(*permission));
        }
    }
}

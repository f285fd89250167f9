//! The roles that every account has. Their rows are written by the migration of the control schema.

use uuid::{Uuid, uuid};

use super::{Permission, Permissions, ScopeName, Scopes};
use crate::ids::RoleId;

/// A role of a workspace that every account has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WorkspaceRole {
    Owner,
    Developer,
    Runner,
    Viewer,
    Worker,
}

impl WorkspaceRole {
    pub const ALL: [WorkspaceRole; 5] = [Self::Owner, Self::Developer, Self::Runner, Self::Viewer, Self::Worker];

    /// The same on every installation, so that a client may remember it.
    pub const fn id(self) -> RoleId {
        RoleId(match self {
            Self::Owner => uuid!("7d1c5c8e-9f2b-4d67-8a3e-2f6c1b7e0a01"),
            Self::Developer => uuid!("7d1c5c8e-9f2b-4d67-8a3e-2f6c1b7e0a02"),
            Self::Runner => uuid!("7d1c5c8e-9f2b-4d67-8a3e-2f6c1b7e0a03"),
            Self::Viewer => uuid!("7d1c5c8e-9f2b-4d67-8a3e-2f6c1b7e0a04"),
            Self::Worker => uuid!("7d1c5c8e-9f2b-4d67-8a3e-2f6c1b7e0a05"),
        })
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "Owner",
            Self::Developer => "Developer",
            Self::Runner => "Runner",
            Self::Viewer => "Viewer",
            Self::Worker => "Worker",
        }
    }

    pub const fn description(self) -> &'static str {
        match self {
            Self::Owner => "Everything in the workspace, its members and settings included.",
            Self::Developer => "Creates, changes, runs and deletes what a workspace holds, and reads its secrets.",
            Self::Runner => "Sees the workspace and runs its deployments.",
            Self::Viewer => "Sees the workspace, without its secrets.",
            Self::Worker => "What a worker needs to poll for work, to submit it, and what the runs it starts need.",
        }
    }

    pub fn scopes(self) -> Scopes {
        use ScopeName as S;
        match self {
            Self::Owner => Scopes::all(),
            Self::Developer => Self::Runner.scopes().union(Scopes::of(&[
                S::RunFlows,
                S::RunTasks,
                S::ManageArtifacts,
                S::ManageAssets,
                S::ManageAutomations,
                S::ManageBlocks,
                S::ManageConcurrencyLimits,
                S::ManageDeployments,
                S::ManageEventPublications,
                S::ManageEventSubscriptions,
                S::ManageEvents,
                S::ManageFlows,
                S::ManageIncidents,
                S::ManageMexDeploy,
                S::ManageMexStorage,
                S::ManageNotifications,
                S::ManageSavedSearch,
                S::ManageTags,
                S::ManageVariables,
                S::ManageWebhooks,
                S::ManageWorkPools,
                S::ManageWorkQueues,
                S::ManageWorkers,
                S::SeeWorkspaceServiceAccounts,
                S::SeeWorkspaceSettings,
                S::SeeWorkspaceUsers,
            ])),
            Self::Runner => Self::Viewer.scopes().union(Scopes::of(&[S::RunDeployments])),
            Self::Viewer => ScopeName::ALL
                .iter()
                .copied()
                .filter(|scope| scope.as_str().starts_with("see_") && !scope.feature().starts_with("workspace_"))
                .filter(|scope| *scope != S::SeeSecretBlocks)
                .collect(),
            Self::Worker => Scopes::of(&[
                S::RunDeployments,
                S::RunFlows,
                S::RunTasks,
                S::SeeConcurrencyLimits,
                S::SeeEvents,
                S::SeeSecretBlocks,
                S::SeeVariables,
                S::WriteArtifacts,
                S::WriteAssets,
                S::WriteWorkPools,
                S::WriteWorkQueues,
                S::WriteWorkers,
            ]),
        }
    }
}

/// A role in an account that every account has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccountRole {
    Owner,
    Admin,
    Member,
}

impl AccountRole {
    pub const ALL: [AccountRole; 3] = [Self::Owner, Self::Admin, Self::Member];

    /// The same on every installation.
    pub const fn id(self) -> RoleId {
        RoleId(match self {
            Self::Owner => uuid!("7d1c5c8e-9f2b-4d67-8a3e-2f6c1b7e0b01"),
            Self::Admin => uuid!("7d1c5c8e-9f2b-4d67-8a3e-2f6c1b7e0b02"),
            Self::Member => uuid!("7d1c5c8e-9f2b-4d67-8a3e-2f6c1b7e0b03"),
        })
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "Owner",
            Self::Admin => "Admin",
            Self::Member => "Member",
        }
    }

    /// By its name, in any case: `owner`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name().eq_ignore_ascii_case(name))
    }

    pub fn permissions(self) -> Permissions {
        use Permission as P;
        let all = Permission::ALL.iter().copied();
        match self {
            Self::Owner => all.collect(),
            Self::Admin => all.filter(|p| !matches!(p, P::BypassSso | P::DeleteAccount)).collect(),
            Self::Member => all
                .filter(|p| p.as_str().starts_with("read:") && !matches!(p, P::ReadAuditEvent | P::ReadBilling))
                .collect(),
        }
    }
}

/// Whether an id is one of a role that is built in.
pub fn is_built_in(role: RoleId) -> bool {
    let ids: [Uuid; 8] = [
        WorkspaceRole::Owner.id().0,
        WorkspaceRole::Developer.id().0,
        WorkspaceRole::Runner.id().0,
        WorkspaceRole::Viewer.id().0,
        WorkspaceRole::Worker.id().0,
        AccountRole::Owner.id().0,
        AccountRole::Admin.id().0,
        AccountRole::Member.id().0,
    ];
    ids.contains(&role.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_but_the_workers_holds_what_the_weaker_one_holds() {
        use WorkspaceRole as R;
        assert!(R::Owner.scopes().covers(R::Developer.scopes()));
        assert!(R::Developer.scopes().covers(R::Runner.scopes()));
        assert!(R::Runner.scopes().covers(R::Viewer.scopes()));
        assert!(R::Developer.scopes().covers(R::Worker.scopes()));
        assert!(!R::Viewer.scopes().contains(ScopeName::SeeSecretBlocks));
        assert!(!R::Viewer.scopes().contains(ScopeName::RunFlows));
        assert!(!R::Runner.scopes().contains(ScopeName::RunFlows));
        assert!(!R::Developer.scopes().contains(ScopeName::ManageWorkspaceUsers));
        assert!(!R::Worker.scopes().contains(ScopeName::ManageFlows));
    }

    #[test]
    fn the_roles_of_an_account_have_the_sizes_of_the_original() {
        assert_eq!(AccountRole::Owner.permissions().iter().count(), 47);
        assert_eq!(AccountRole::Admin.permissions().iter().count(), 45);
        assert_eq!(AccountRole::Member.permissions().iter().count(), 13);
    }
}

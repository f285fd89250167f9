//! Who may do what: the scopes of a workspace, the permissions of an account, and the built-in roles.
//!
//! Names are the protocol's. A set of them is a word of bits, closed under inclusion when it is made: a role that holds
//! `manage_blocks` holds `see_secret_blocks` and `see_blocks`, so a check is one test of a bit. What is in no set is denied.

use std::fmt;

use uuid::{Uuid, uuid};

use crate::ids::RoleId;

macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name { $($variant),+ }

        impl $name {
            /// All of them, in the order of the declaration.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// As the protocol writes it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$variant),)+ _ => None }
            }

            const fn bit(self) -> u64 {
                1 << self as u8
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

names! {
    /// A right within one workspace.
    ScopeName {
        ManageAcls = "manage_acls",
        ManageArtifacts = "manage_artifacts",
        ManageAssets = "manage_assets",
        ManageAutomations = "manage_automations",
        ManageBlocks = "manage_blocks",
        ManageConcurrencyLimits = "manage_concurrency_limits",
        ManageDeployments = "manage_deployments",
        ManageEventPublications = "manage_event_publications",
        ManageEventSubscriptions = "manage_event_subscriptions",
        ManageEvents = "manage_events",
        ManageFlows = "manage_flows",
        ManageIncidents = "manage_incidents",
        ManageMexDeploy = "manage_mex_deploy",
        ManageMexStorage = "manage_mex_storage",
        ManageNotifications = "manage_notifications",
        ManageSavedSearch = "manage_saved_search",
        ManageTags = "manage_tags",
        ManageVariables = "manage_variables",
        ManageWebhooks = "manage_webhooks",
        ManageWorkPools = "manage_work_pools",
        ManageWorkQueues = "manage_work_queues",
        ManageWorkers = "manage_workers",
        ManageWorkspaceServiceAccounts = "manage_workspace_service_accounts",
        ManageWorkspaceSettings = "manage_workspace_settings",
        ManageWorkspaceTeams = "manage_workspace_teams",
        ManageWorkspaceUsers = "manage_workspace_users",
        RunDeployments = "run_deployments",
        RunFlows = "run_flows",
        RunTasks = "run_tasks",
        SeeArtifacts = "see_artifacts",
        SeeAssets = "see_assets",
        SeeAutomations = "see_automations",
        SeeBlocks = "see_blocks",
        SeeConcurrencyLimits = "see_concurrency_limits",
        SeeDeployments = "see_deployments",
        SeeEventPublications = "see_event_publications",
        SeeEventSubscriptions = "see_event_subscriptions",
        SeeEvents = "see_events",
        SeeFlows = "see_flows",
        SeeIncidents = "see_incidents",
        SeeNotifications = "see_notifications",
        SeeSecretBlocks = "see_secret_blocks",
        SeeTags = "see_tags",
        SeeVariables = "see_variables",
        SeeWebhooks = "see_webhooks",
        SeeWorkPools = "see_work_pools",
        SeeWorkQueues = "see_work_queues",
        SeeWorkers = "see_workers",
        SeeWorkspaceServiceAccounts = "see_workspace_service_accounts",
        SeeWorkspaceSettings = "see_workspace_settings",
        SeeWorkspaceUsers = "see_workspace_users",
        WriteArtifacts = "write_artifacts",
        WriteAssets = "write_assets",
        WriteDeployments = "write_deployments",
        WriteIncidents = "write_incidents",
        WriteNotifications = "write_notifications",
        WriteVariables = "write_variables",
        WriteWorkPools = "write_work_pools",
        WriteWorkQueues = "write_work_queues",
        WriteWorkers = "write_workers",
        WriteWorkspaceSettings = "write_workspace_settings",
    }
}

impl ScopeName {
    /// What the right is to, in words that follow the verb: `work_pools`.
    pub fn feature(self) -> &'static str {
        let name = self.as_str();
        // Every name is a verb and a feature joined by the first underscore.
        let feature = name.split_once('_').map_or(name, |(_, feature)| feature);
        if self == Self::SeeSecretBlocks { "blocks" } else { feature }
    }

    /// `Manage work pools`.
    pub fn title(self) -> String {
        let mut title = self.as_str().replace('_', " ");
        title[..1].make_ascii_uppercase();
        title
    }

    /// The right to see what this one is about, if there is one.
    pub fn see(self) -> Option<ScopeName> {
        Self::from_name(&format!("see_{}", self.feature()))
    }

    /// The rights that this one includes, at any distance, itself not among them.
    pub fn includes(self) -> Vec<ScopeName> {
        let closed = Scopes::of(&[self]);
        closed.iter().filter(|scope| *scope != self).collect()
    }

    /// The next weaker rights: `manage_x ⊃ write_x ⊃ run_x ⊃ see_x`, those that exist, and the secrets of blocks between
    /// managing and seeing blocks.
    fn directly_includes(self) -> Option<ScopeName> {
        let (verb, feature) = self.as_str().split_once('_')?;
        let weaker: &[&str] = match verb {
            "manage" => &["write", "run", "see"],
            "write" => &["run", "see"],
            "run" => &["see"],
            _ => &[],
        };
        match self {
            Self::ManageBlocks => Some(Self::SeeSecretBlocks),
            Self::SeeSecretBlocks => Some(Self::SeeBlocks),
            _ => weaker.iter().find_map(|verb| Self::from_name(&format!("{verb}_{feature}"))),
        }
    }
}

/// A set of [`ScopeName`]s, closed under inclusion.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u64);

impl Scopes {
    /// Nothing is allowed.
    pub const NONE: Scopes = Scopes(0);

    pub fn of(names: &[ScopeName]) -> Self {
        names.iter().copied().collect()
    }

    /// From stored names. A name this program does not know is skipped: a newer one wrote it, and here nothing asks for it.
    pub fn from_names<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Self {
        names.into_iter().filter_map(|name| ScopeName::from_name(name.as_ref())).collect()
    }

    pub fn all() -> Self {
        Self::of(ScopeName::ALL)
    }

    pub fn contains(self, scope: ScopeName) -> bool {
        self.0 & scope.bit() != 0
    }

    pub fn union(self, other: Scopes) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether everything in `other` is in this set.
    pub fn covers(self, other: Scopes) -> bool {
        other.0 & !self.0 == 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn iter(self) -> impl Iterator<Item = ScopeName> {
        ScopeName::ALL.iter().copied().filter(move |scope| self.contains(*scope))
    }
}

impl FromIterator<ScopeName> for Scopes {
    fn from_iter<I: IntoIterator<Item = ScopeName>>(names: I) -> Self {
        let mut bits = 0;
        for name in names {
            let mut next = Some(name);
            while let Some(scope) = next {
                bits |= scope.bit();
                next = scope.directly_includes();
            }
        }
        Self(bits)
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(ScopeName::as_str)).finish()
    }
}

/// A role of a workspace that every account has. Its rows are written by the migration of the control schema.
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
    /// From stored names; unknown ones are skipped, as with [`Scopes::from_names`].
    pub fn from_names<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Self {
        names.into_iter().filter_map(|name| Permission::from_name(name.as_ref())).collect()
    }

    pub fn contains(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
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

/// Whether a text can name an account, a workspace or a user in an address: lower-case letters, digits and single dashes
/// between them, at most 100.
pub fn is_handle(text: &str) -> bool {
    let alphabet = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    (1..=100).contains(&text.len())
        && alphabet
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
}

/// The handle a name suggests: `My Team!` → `my-team`; `None` when nothing of it is left.
pub fn handle_of(name: &str) -> Option<String> {
    let lower = name.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut handle = words.join("-");
    handle.truncate(100);
    let handle = handle.trim_end_matches('-');
    is_handle(handle).then(|| handle.to_owned())
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
    fn the_names_are_the_protocols() {
        assert_eq!(ScopeName::ALL.len(), 61);
        assert_eq!(Permission::ALL.len(), 47);
        for scope in ScopeName::ALL {
            assert_eq!(ScopeName::from_name(scope.as_str()), Some(*scope));
        }
        for permission in Permission::ALL {
            assert_eq!(Permission::from_name(permission.as_str()), Some(*permission));
        }
    }

    #[test]
    fn the_stronger_right_includes_the_weaker() {
        use ScopeName as S;
        let cases: [(S, &[S]); 8] = [
            (S::ManageDeployments, &[S::RunDeployments, S::SeeDeployments, S::WriteDeployments]),
            (S::WriteDeployments, &[S::RunDeployments, S::SeeDeployments]),
            (S::ManageBlocks, &[S::SeeBlocks, S::SeeSecretBlocks]),
            (S::ManageFlows, &[S::RunFlows, S::SeeFlows]),
            (S::ManageWorkPools, &[S::SeeWorkPools, S::WriteWorkPools]),
            (S::ManageWorkspaceSettings, &[S::SeeWorkspaceSettings, S::WriteWorkspaceSettings]),
            (S::SeeFlows, &[]),
            (S::ManageAcls, &[]),
        ];
        for (scope, included) in cases {
            assert_eq!(scope.includes(), included, "{scope}");
        }
        assert_eq!(S::ManageWorkPools.see(), Some(S::SeeWorkPools));
        assert_eq!(S::SeeSecretBlocks.see(), Some(S::SeeBlocks));
        assert_eq!(S::ManageAcls.see(), None);
        assert_eq!(S::ManageWorkPools.title(), "Manage work pools");
    }

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

    #[test]
    fn handles() {
        for good in ["a", "my-team", "0", "a-1"] {
            assert!(is_handle(good), "{good}");
        }
        for bad in ["", "-a", "a-", "a--b", "A", "a b", "a/b", "ä"] {
            assert!(!is_handle(bad), "{bad}");
        }
        assert_eq!(handle_of("My Team!").as_deref(), Some("my-team"));
        assert_eq!(handle_of("!!"), None);
        assert_eq!(handle_of(&"x".repeat(300)).map(|h| h.len()), Some(100));
    }

    #[test]
    fn names_of_a_newer_program_grant_nothing() {
        assert_eq!(Scopes::from_names(["see_flows", "fly_to_the_moon"]), Scopes::of(&[ScopeName::SeeFlows]));
    }
}

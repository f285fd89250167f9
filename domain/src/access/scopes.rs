//! The rights within one workspace.

use std::fmt;

use super::names::names;

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

    /// A number for each set, for keys of what depends on it.
    pub fn bits(self) -> u64 {
        self.0
    }

    pub fn contains(self, scope: ScopeName) -> bool {
        self.0 & scope.bit() != 0
    }

    pub fn union(self, other: Scopes) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both.
    pub fn intersection(self, other: Scopes) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether everything in `other` is in this set.
    pub fn covers(self, other: Scopes) -> bool {
        self.lacks(other).next().is_none()
    }

    /// What of `other` is not in this set.
    pub fn lacks(self, other: Scopes) -> impl Iterator<Item = ScopeName> {
        other.iter().filter(move |scope| !self.contains(*scope))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_the_protocols() {
        assert_eq!(ScopeName::ALL.len(), 61);
        for scope in ScopeName::ALL {
            assert_eq!(ScopeName::from_name(scope.as_str()), Some(*scope));
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
    fn names_of_a_newer_program_grant_nothing() {
        assert_eq!(Scopes::from_names(["see_flows", "fly_to_the_moon"]), Scopes::of(&[ScopeName::SeeFlows]));
    }
}

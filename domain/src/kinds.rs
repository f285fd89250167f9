//! The kinds of objects a workspace holds, as far as caches must tell them apart.

/// What an operation may change; a cached answer about a kind ends with the next change of that kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Flows,
    FlowRuns,
    TaskRuns,
    Logs,
    Events,
    Artifacts,
    Deployments,
    WorkPools,
    BlockTypes,
    BlockDocuments,
    ConcurrencyLimits,
    Variables,
    SavedSearches,
    Settings,
    /// Accounts, workspaces, keys, access.
    Control,
}

impl Kind {
    pub const ALL: &[Kind] = &[
        Kind::Flows,
        Kind::FlowRuns,
        Kind::TaskRuns,
        Kind::Logs,
        Kind::Events,
        Kind::Artifacts,
        Kind::Deployments,
        Kind::WorkPools,
        Kind::BlockTypes,
        Kind::BlockDocuments,
        Kind::ConcurrencyLimits,
        Kind::Variables,
        Kind::SavedSearches,
        Kind::Settings,
        Kind::Control,
    ];

    /// For keys and labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Flows => "flows",
            Kind::FlowRuns => "flow-runs",
            Kind::TaskRuns => "task-runs",
            Kind::Logs => "logs",
            Kind::Events => "events",
            Kind::Artifacts => "artifacts",
            Kind::Deployments => "deployments",
            Kind::WorkPools => "work-pools",
            Kind::BlockTypes => "block-types",
            Kind::BlockDocuments => "block-documents",
            Kind::ConcurrencyLimits => "concurrency-limits",
            Kind::Variables => "variables",
            Kind::SavedSearches => "saved-searches",
            Kind::Settings => "settings",
            Kind::Control => "control",
        }
    }
}

/// A set of kinds.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Kinds(u32);

impl Kinds {
    pub const NONE: Kinds = Kinds(0);
    pub const ALL: Kinds = Kinds(u32::MAX);

    pub const fn of(kinds: &[Kind]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < kinds.len() {
            bits |= 1 << kinds[at] as u32;
            at += 1;
        }
        Self(bits)
    }

    pub const fn contains(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u32) != 0
    }

    pub const fn union(self, other: Kinds) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both.
    pub const fn intersection(self, other: Kinds) -> Self {
        Self(self.0 & other.0)
    }

    /// What of this set is not in the other.
    pub const fn without(self, other: Kinds) -> Self {
        Self(self.0 & !other.0)
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.iter().copied().filter(move |kind| self.contains(*kind))
    }
}

impl FromIterator<Kind> for Kinds {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Self {
        kinds.into_iter().fold(Self::NONE, |set, kind| set.union(Self::of(&[kind])))
    }
}

impl std::fmt::Debug for Kinds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

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
    Settings,
    /// Accounts, workspaces, keys, access.
    Control,
}

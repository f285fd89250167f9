//! Every workspace's key, wrapped by the first key of the operator's ring.

use tenant_store::control::Control;
use tenant_store::encryption::{self, KeyRing, Rewrapped};
use tenant_store::{Lane, Result, Scope};

/// What a whole run did.
#[derive(Debug, Default)]
pub struct Report {
    pub rewrapped: usize,
    pub nothing_to_do: usize,
    /// Workspaces whose keys are as they were, and why.
    pub failed: Vec<(domain::WorkspaceId, String)>,
}

/// Goes through all workspaces, deleted ones that can be restored among them. One that fails does not keep the others back.
pub async fn rewrap_all(control: &Control, ring: &KeyRing) -> Result<Report> {
    let mut report = Report::default();
    for (workspace, place) in control.places_with_deleted().await? {
        let done = match place {
            Ok(place) => {
                let scope = Scope::for_system(&place, "rewrap of the workspace's key");
                match scope.write(Lane::Hot).await {
                    Ok(tx) => encryption::rewrap(tx, ring).await,
                    Err(error) => Err(error),
                }
            }
            Err(error) => Err(error),
        };
        match done {
            Ok(Rewrapped::Done) => report.rewrapped += 1,
            Ok(Rewrapped::NothingToDo) => report.nothing_to_do += 1,
            Err(error) => report.failed.push((workspace, error.to_string())),
        }
    }
    Ok(report)
}

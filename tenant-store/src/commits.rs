//! Who is told of each commit: a cache, whose answers end with it; and whoever waits for what happens in a workspace.
//!
//! For the cache nothing is declared for that. What a statement writes is read from its text when it is prepared ([`crate::sql::writes`]),
//! a transaction knows what its statements wrote, and its end tells. So neither a handler nor background work can forget.

use std::pin::Pin;
use std::sync::Arc;

use domain::WorkspaceId;
use domain::events::Event;
use domain::kinds::{Kind, Kinds};

/// Whose data were changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Space {
    Workspace(WorkspaceId),
    /// The control plane: all accounts together.
    Control,
}

pub type Told<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Told of commits, around each: before, so that what was read until then is not kept any more, and after, before anybody
/// is told that the write succeeded. Neither may fail or take long: the transaction holds its locks meanwhile.
pub trait Listener: Send + Sync {
    /// Which kinds it wants to hear of. Of the others nothing is said, and they cost nothing.
    fn kinds(&self) -> Kinds;

    /// `COMMIT` is about to be sent. `after` may never follow, when whoever waits for the commit goes away.
    fn before(&self, space: Space, kinds: Kinds) -> Told<'_>;

    /// `COMMIT` was answered, or failed, or its answer was lost.
    fn after(&self, space: Space, kinds: Kinds) -> Told<'_>;
}

/// Told, after a commit and never of what was not committed, what happened in a workspace. It must take it and return: no
/// waiting, no failing.
pub trait Ears: Send + Sync {
    /// Whether anybody wants to hear of the workspace's events; where nobody does, none is put together for it.
    fn listens(&self, workspace: WorkspaceId) -> bool;

    /// These events were stored.
    fn events(&self, workspace: WorkspaceId, events: &[Event]);

    /// Whoever waits for this topic should look again.
    fn wake(&self, workspace: WorkspaceId, topic: &str);
}

/// Who listens to one store.
#[derive(Clone, Default)]
pub struct Commits {
    listener: Option<Arc<dyn Listener>>,
    ears: Option<Arc<dyn Ears>>,
}

impl Commits {
    pub fn told_to(listener: Arc<dyn Listener>, ears: Arc<dyn Ears>) -> Self {
        Self { listener: Some(listener), ears: Some(ears) }
    }

    /// For programs that keep no answers, and where nobody waits.
    pub fn told_to_nobody() -> Self {
        Self::default()
    }

    /// Who wants to hear of a workspace's events, if anybody does.
    pub(crate) fn ears(&self, workspace: WorkspaceId) -> Option<&dyn Ears> {
        self.ears.as_deref().filter(|ears| ears.listens(workspace))
    }

    /// Wakes whoever waits for the topics.
    pub(crate) fn wake(&self, workspace: WorkspaceId, topics: &[String]) {
        if let Some(ears) = &self.ears {
            topics.iter().for_each(|topic| ears.wake(workspace, topic));
        }
    }

    /// What of these kinds somebody listens for.
    pub(crate) fn heard(&self, kinds: Kinds) -> Kinds {
        self.listener.as_ref().map_or(Kinds::NONE, |listener| listener.kinds().intersection(kinds))
    }

    pub(crate) async fn before(&self, space: Space, heard: Kinds) {
        if let Some(listener) = self.listener.as_ref().filter(|_| !heard.is_empty()) {
            listener.before(space, heard).await;
        }
    }

    pub(crate) async fn after(&self, space: Space, heard: Kinds) {
        if let Some(listener) = self.listener.as_ref().filter(|_| !heard.is_empty()) {
            listener.after(space, heard).await;
        }
    }
}

/// The kinds of which an answer may change when a table of a workspace does; `None` for a table that is not listed.
pub(crate) fn shown_by(table: &str) -> Option<Kinds> {
    use Kind as K;
    Some(match table {
        "flow" => Kinds::of(&[K::Flows]),
        // A deployment is shown with the names of its pool and queue.
        "work_pool" | "work_queue" => Kinds::of(&[K::WorkPools, K::Deployments]),
        "deployment" | "deployment_schedule" => Kinds::of(&[K::Deployments]),
        "flow_run" | "flow_run_input" => Kinds::of(&[K::FlowRuns]),
        "task_run" => Kinds::of(&[K::TaskRuns]),
        "run_state" => Kinds::of(&[K::FlowRuns, K::TaskRuns]),
        "artifact" | "artifact_latest" => Kinds::of(&[K::Artifacts]),
        "log" => Kinds::of(&[K::Logs]),
        "event" => Kinds::of(&[K::Events]),
        "block_type" | "block_schema" => Kinds::of(&[K::BlockTypes]),
        "block_document" | "block_ref" => Kinds::of(&[K::BlockDocuments]),
        "concurrency_limit" | "concurrency_lease" => Kinds::of(&[K::ConcurrencyLimits]),
        "variable" => Kinds::of(&[K::Variables]),
        "saved_search" => Kinds::of(&[K::SavedSearches]),
        "setting" => Kinds::of(&[K::Settings]),
        // In no answer that is kept: workers, and who was seen when.
        "worker" | "pulse" | "task_worker" => Kinds::NONE,
        // In no answer.
        "task_run_cache" | "quarantine" | "workspace_meta" | "schedule_pass" | "task_offer" | "cleanup"
        | "task_run_tally" => Kinds::NONE,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_of_a_workspace_says_what_shows_it() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/workspace");
        let mut tables = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap().to_lowercase();
            for rest in text.split("create table if not exists ").skip(1) {
                let table = rest.split([' ', '(', '\n']).next().unwrap();
                assert!(shown_by(table).is_some(), "{table}: list it in {}, with the kinds that show it", file!());
                tables += 1;
            }
            // This one writes what is in no answer that is kept.
            let other = text.replace("execute function tally_task_runs()", "");
            assert!(
                !text.contains("on delete cascade") && !other.contains("execute function"),
                "writes that no text shows"
            );
        }
        assert!(tables > 10);
    }
}

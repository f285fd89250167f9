//! Who wants to hear of what was just stored. In process: another replica's listeners hear of it when replicas are joined.
//!
//! Bounded: a listener that does not keep up loses the oldest lines and is told that it did.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::WorkspaceId;
use domain::logs::Log;
use tokio::sync::broadcast;

/// Batches of lines a listener may be behind.
const BEHIND: usize = 256;

/// Lines stored together.
pub type Lines = Arc<Vec<Log>>;

#[derive(Default)]
pub struct Hub {
    /// Only of workspaces where somebody listens.
    logs: Mutex<HashMap<WorkspaceId, broadcast::Sender<Lines>>>,
}

impl Hub {
    /// Hears of every line that is stored in a workspace from now on.
    pub fn listen_to_logs(&self, workspace: WorkspaceId) -> broadcast::Receiver<Lines> {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        logs.retain(|_, sender| sender.receiver_count() > 0);
        logs.entry(workspace).or_insert_with(|| broadcast::channel(BEHIND).0).subscribe()
    }

    /// Tells of lines that were committed. Costs a look into a map while nobody listens.
    pub fn tell_of_logs(&self, workspace: WorkspaceId, lines: Vec<Log>) {
        let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = logs.get(&workspace) {
            // An error means that the last listener has just left.
            let _ = sender.send(Arc::new(lines));
        }
    }
}

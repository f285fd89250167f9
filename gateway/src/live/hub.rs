//! Who is connected by sockets, and who of them wants to hear of what was just stored. In process: another replica's listeners hear of it when replicas are joined.
//!
//! Bounded: a listener that does not keep up loses the oldest lines and is told that it did.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::WorkspaceId;
use domain::logs::Log;
use tokio::sync::{broadcast, watch};

/// Batches of lines a listener may be behind.
const BEHIND: usize = 256;

/// Lines stored together.
pub type Lines = Arc<Vec<Log>>;

#[derive(Default)]
pub struct Hub {
    /// Only of workspaces where somebody listens.
    logs: Mutex<HashMap<WorkspaceId, broadcast::Sender<Lines>>>,
    /// Sockets that are open.
    open: watch::Sender<usize>,
}

/// Counts a socket as open until dropped.
pub struct OpenSocket(watch::Sender<usize>);

impl Drop for OpenSocket {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

impl Hub {
    pub fn socket_opened(&self) -> OpenSocket {
        self.open.send_modify(|open| *open += 1);
        OpenSocket(self.open.clone())
    }

    /// Waits until the last socket has said goodbye.
    pub async fn all_closed(&self) {
        // The sender is here.
        let _ = self.open.subscribe().wait_for(|open| *open == 0).await;
    }

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

#[cfg(test)]
mod tests {
    use domain::LogId;
    use futures_util::FutureExt;
    use tokio::sync::broadcast::error::RecvError;
    use uuid::Uuid;
    use wire::Time;

    use super::*;

    fn line(message: &str) -> Log {
        Log {
            id: LogId(Uuid::nil()),
            created: Time::default(),
            updated: Time::default(),
            name: "n".into(),
            level: 20,
            message: message.into(),
            timestamp: Time::default(),
            flow_run_id: None,
            task_run_id: None,
        }
    }

    #[tokio::test]
    async fn listeners_hear_of_their_workspace_alone() {
        let hub = Hub::default();
        let (here, there) = (WorkspaceId(Uuid::from_u128(1)), WorkspaceId(Uuid::from_u128(2)));
        hub.tell_of_logs(here, vec![line("before anybody listens")]);
        let (mut first, mut second, mut other) =
            (hub.listen_to_logs(here), hub.listen_to_logs(here), hub.listen_to_logs(there));
        hub.tell_of_logs(here, vec![line("a"), line("b")]);
        for listener in [&mut first, &mut second] {
            let heard = listener.recv().await.map(|lines| lines.iter().map(|l| l.message.clone()).collect::<Vec<_>>());
            assert_eq!(heard, Ok(vec!["a".into(), "b".into()]));
            assert!(listener.recv().now_or_never().is_none());
        }
        assert!(other.recv().now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_listener_that_does_not_keep_up_is_told() {
        let hub = Hub::default();
        let workspace = WorkspaceId(Uuid::from_u128(1));
        let mut slow = hub.listen_to_logs(workspace);
        for nth in 0..BEHIND + 3 {
            hub.tell_of_logs(workspace, vec![line(&nth.to_string())]);
        }
        assert_eq!(slow.recv().await.map(drop), Err(RecvError::Lagged(3)));
        assert_eq!(slow.recv().await.map(|lines| lines[0].message.clone()), Ok("3".into()));
    }

    #[tokio::test]
    async fn the_end_waits_for_the_last_socket() {
        let hub = Hub::default();
        let (one, other) = (hub.socket_opened(), hub.socket_opened());
        drop(one);
        assert!(hub.all_closed().now_or_never().is_none());
        drop(other);
        hub.all_closed().await;
    }
}

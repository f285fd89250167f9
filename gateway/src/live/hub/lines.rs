//! Who listens to lines of logs, by workspace. Those that other replicas store are read, as events are ([`super::reader`]):
//! when one of them says that there are some, and now and then in any case.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::WorkspaceId;
use domain::logs::Log;
use tenant_store::{Lane, Result, Scope, logs};
use tokio::sync::{Notify, broadcast};
use wire::Time;

use super::known::Known;

/// Batches of lines a listener may be behind.
pub const BEHIND: usize = 256;
/// How often is looked without being told.
const POLL: Duration = Duration::from_secs(5);
/// Between two looks, however often others say that there is something.
const SPACING: Duration = Duration::from_millis(100);
/// How far back is looked: a line is sent a few seconds after it was written.
const BACK: Duration = Duration::from_secs(30);
/// Lines that are read in one look, the newest.
const MOST: i64 = 2000;

/// Lines stored together.
pub type Lines = Arc<Vec<Log>>;

#[derive(Default)]
pub struct LogListeners {
    /// Only of workspaces where somebody listens.
    rooms: Mutex<HashMap<WorkspaceId, Arc<Room>>>,
}

struct Room {
    scope: Scope,
    /// What was stored before is not told.
    begun: Time,
    sender: broadcast::Sender<Lines>,
    known: Mutex<Known>,
    look: Notify,
}

impl LogListeners {
    /// Hears of every line that is stored in the workspace from now on. The first listener begins to read for the others.
    pub fn listen(self: &Arc<Self>, scope: &Scope) -> broadcast::Receiver<Lines> {
        let mut rooms = self.rooms();
        if let Some(room) = rooms.get(&scope.workspace()) {
            return room.sender.subscribe();
        }
        let (sender, receiver) = broadcast::channel(BEHIND);
        let scope = scope.for_the_program("live logs");
        let workspace = scope.workspace();
        let room =
            Arc::new(Room { scope, begun: Time::of_machine(), sender, known: Mutex::default(), look: Notify::new() });
        rooms.insert(workspace, room.clone());
        tokio::spawn(self.clone().read_for(room));
        receiver
    }

    /// Tells of lines that were committed here. Costs a look into a map while nobody listens.
    pub fn tell(&self, workspace: WorkspaceId, lines: Vec<Log>) {
        if let Some(room) = self.room(workspace) {
            room.tell(lines);
        }
    }

    /// Another replica has stored lines.
    pub fn look(&self, workspace: WorkspaceId) {
        if let Some(room) = self.room(workspace) {
            room.look.notify_one();
        }
    }

    pub fn look_everywhere(&self) {
        self.rooms().values().for_each(|room| room.look.notify_one());
    }

    fn room(&self, workspace: WorkspaceId) -> Option<Arc<Room>> {
        self.rooms().get(&workspace).cloned()
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<WorkspaceId, Arc<Room>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads for a room until nobody is in it any more.
    async fn read_for(self: Arc<Self>, room: Arc<Room>) {
        loop {
            // In time or not: in both cases it is time to look.
            let _ = tokio::time::timeout(POLL, room.look.notified()).await;
            {
                let mut rooms = self.rooms();
                if room.sender.receiver_count() == 0 {
                    rooms.remove(&room.scope.workspace());
                    return;
                }
            }
            match room.read().await {
                Ok(lines) => room.tell(lines),
                Err(error) => {
                    tracing::warn!(%error, workspace = %room.scope.workspace(), "lines of other replicas could not be read");
                }
            }
            tokio::time::sleep(SPACING).await;
        }
    }
}

impl Room {
    fn tell(&self, mut lines: Vec<Log>) {
        lines.retain(|line| self.learn(line));
        if !lines.is_empty() {
            // An error means that the last listener has just left.
            let _ = self.sender.send(Arc::new(lines));
        }
    }

    fn learn(&self, line: &Log) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).learn(line.id.0, Instant::now())
    }

    async fn read(&self) -> Result<Vec<Log>> {
        logs::of_late(&mut self.scope.read(Lane::Read).await?, BACK, self.begun, MOST).await
    }
}

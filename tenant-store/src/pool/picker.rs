//! Which connection serves next. A backend has to learn a workspace's schema before it is fast there (a few milliseconds,
//! thirty times what a read takes, and about a megabyte kept until it is closed), so each workspace is served by few
//! connections, and by the more the busier it is:
//!
//! 1. an idle one that knows the workspace, best the one that served it last;
//! 2. while fewer know it than its share of the recent requests earns ([`Recent::share`]): a new one while there is room,
//!    else the idle one that knows the fewest;
//! 3. else whichever comes back first of those that know it, for as long as [`PATIENCE`] lasts; then as in 2.

use std::collections::{HashMap, HashSet, VecDeque};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::Object;
use domain::WorkspaceId;
use domain::kinds::Kinds;
use lru::LruCache;
use tokio::sync::oneshot;
use tokio_postgres::Statement;

/// Filters have many shapes; a connection keeps the statements of the latest, colder ones are prepared anew.
const SHAPES: NonZeroUsize = NonZeroUsize::new(256).expect("not zero");

/// How long a request waits for a connection that knows its workspace while others are idle.
pub(super) const PATIENCE: Duration = Duration::from_millis(10);

/// A workspace at rest keeps so many connections that know it; one may be busy with another workspace's work.
const LEAST: usize = 2;

/// Of how many requests the latest shares are counted.
const RECENT: usize = 1024;

/// A connection with what is known of it.
pub(super) struct Slot {
    pub object: Object,
    /// The workspace it served last.
    pub bound: WorkspaceId,
    statements: Statements,
    opened: Instant,
    member: Member,
}

/// What serves next.
#[expect(clippy::large_enum_variant, reason = "taken apart where it is made, once a request")]
pub(super) enum Picked {
    Idle(Slot),
    /// The caller opens one.
    Open(Member),
}

impl Slot {
    pub fn new(object: Object, bound: WorkspaceId, member: Member) -> Self {
        Self { object, bound, statements: Statements::default(), opened: Instant::now(), member }
    }

    /// Its statements, and whose they are: a plan is good for the search path it was made under and no other, so each
    /// workspace has its own.
    pub fn statements(&mut self) -> (&mut Statements, WorkspaceId) {
        (&mut self.statements, self.bound)
    }

    pub fn is_worn(&self, schemas: usize, max_age: Duration) -> bool {
        self.member.knows.len() > schemas || self.opened.elapsed() > max_age
    }

    fn bind(mut self, workspace: WorkspaceId) -> Self {
        self.bound = workspace;
        self.member.learn(workspace);
        self
    }
}

/// The prepared statements of one connection, apart for each workspace it serves: one statement for all of them would be
/// planned anew at each change of the search path, which made reads over 300 workspaces seven times slower. Static text is
/// bounded by the program and by how many workspaces a connection serves in its life; the rest by [`SHAPES`].
pub(super) struct Statements {
    /// By the address of the text, which for a `'static` is its identity.
    fixed: HashMap<(WorkspaceId, usize, usize), Prepared>,
    shapes: LruCache<(WorkspaceId, String), Prepared>,
}

/// A statement with what its text writes.
#[derive(Clone)]
pub(super) struct Prepared {
    pub statement: Statement,
    pub writes: Kinds,
}

impl Default for Statements {
    fn default() -> Self {
        Self { fixed: HashMap::new(), shapes: LruCache::new(SHAPES) }
    }
}

impl Statements {
    pub fn fixed(&self, workspace: WorkspaceId, sql: &'static str) -> Option<Prepared> {
        self.fixed.get(&(workspace, sql.as_ptr() as usize, sql.len())).cloned()
    }

    pub fn keep_fixed(&mut self, workspace: WorkspaceId, sql: &'static str, statement: Prepared) {
        self.fixed.insert((workspace, sql.as_ptr() as usize, sql.len()), statement);
    }

    pub fn shape(&mut self, workspace: WorkspaceId, sql: &str) -> Option<Prepared> {
        self.shapes.get(&(workspace, sql.to_owned())).cloned()
    }

    pub fn keep_shape(&mut self, workspace: WorkspaceId, sql: String, statement: Prepared) {
        self.shapes.put((workspace, sql), statement);
    }

    /// After a schema change made a plan's result type stale.
    pub fn forget(&mut self) {
        self.fixed.clear();
        self.shapes.clear();
    }
}

/// The connections from before they are opened until they are gone. Not deadpool's count, which an opening connection joins
/// only at its end: many could take the last place at once, and those too many would wait while connections lie idle.
#[derive(Default)]
struct Roll {
    open: usize,
    /// How many connections know a workspace.
    know: HashMap<WorkspaceId, usize>,
}

/// One connection's place in the roll, left when dropped.
pub(super) struct Member {
    roll: Arc<Mutex<Roll>>,
    knows: HashSet<WorkspaceId>,
}

impl Member {
    fn enter(roll: &Arc<Mutex<Roll>>, workspace: WorkspaceId) -> Self {
        lock(roll).open += 1;
        let mut member = Self { roll: roll.clone(), knows: HashSet::new() };
        member.learn(workspace);
        member
    }

    fn learn(&mut self, workspace: WorkspaceId) {
        if self.knows.insert(workspace) {
            *lock(&self.roll).know.entry(workspace).or_default() += 1;
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut roll = lock(&self.roll);
        roll.open -= 1;
        for workspace in &self.knows {
            if let Some(count) = roll.know.get_mut(workspace) {
                *count -= 1;
                if *count == 0 {
                    roll.know.remove(workspace);
                }
            }
        }
    }
}

/// Whose the latest requests were.
#[derive(Default)]
struct Recent {
    latest: VecDeque<WorkspaceId>,
    counts: HashMap<WorkspaceId, usize>,
}

impl Recent {
    fn note(&mut self, workspace: WorkspaceId) {
        self.latest.push_back(workspace);
        *self.counts.entry(workspace).or_default() += 1;
        if self.latest.len() > RECENT
            && let Some(oldest) = self.latest.pop_front()
            && let Some(count) = self.counts.get_mut(&oldest)
        {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&oldest);
            }
        }
    }

    /// How many of `size` connections should know the workspace: twice its part of the latest requests, so that one which
    /// is alone may use all of them, and two that share them too.
    fn share(&self, workspace: WorkspaceId, size: usize) -> usize {
        let count = self.counts.get(&workspace).copied().unwrap_or(0);
        (2 * size * count).div_ceil(self.latest.len().max(1)).max(LEAST)
    }
}

struct Waiting {
    workspace: WorkspaceId,
    sender: oneshot::Sender<Slot>,
}

#[derive(Default)]
struct State {
    /// The longest idle first.
    idle: Vec<Slot>,
    /// The longest waiting first.
    waiting: VecDeque<Waiting>,
    recent: Recent,
}

pub(super) struct Picker {
    state: Mutex<State>,
    roll: Arc<Mutex<Roll>>,
    size: usize,
}

impl Picker {
    pub fn new(size: usize) -> Self {
        Self { state: Mutex::default(), roll: Arc::default(), size }
    }

    pub fn idle(&self) -> usize {
        lock(&self.state).idle.len()
    }

    /// What serves a request that holds a turn; or, when all that know its workspace are in use and they are enough, where
    /// the first of them to come back is sent.
    pub fn pick(&self, workspace: WorkspaceId) -> Result<Picked, oneshot::Receiver<Slot>> {
        let mut state = lock(&self.state);
        state.recent.note(workspace);
        let state = &mut *state;
        drop_closed(&mut state.idle);
        // The most recently used of the same workspace: its plans and pages are warm.
        let bound = state.idle.iter().rposition(|slot| slot.bound == workspace);
        let known = bound.or_else(|| state.idle.iter().rposition(|slot| slot.member.knows.contains(&workspace)));
        if let Some(at) = known {
            return Ok(Picked::Idle(state.idle.remove(at).bind(workspace)));
        }
        let knowing = lock(&self.roll).know.get(&workspace).copied().unwrap_or(0);
        if knowing >= state.recent.share(workspace, self.size) {
            let (sender, receiver) = oneshot::channel();
            state.waiting.retain(|waiting| !waiting.sender.is_closed());
            state.waiting.push_back(Waiting { workspace, sender });
            return Err(receiver);
        }
        Ok(self.pick_any(&mut state.idle, workspace))
    }

    /// The same for one who has waited long enough.
    pub fn pick_now(&self, workspace: WorkspaceId) -> Picked {
        let mut state = lock(&self.state);
        drop_closed(&mut state.idle);
        self.pick_any(&mut state.idle, workspace)
    }

    fn pick_any(&self, idle: &mut Vec<Slot>, workspace: WorkspaceId) -> Picked {
        let room = lock(&self.roll).open < self.size;
        let fewest = (0..idle.len()).filter(|_| !room).min_by_key(|at| idle[*at].member.knows.len());
        match fewest {
            Some(at) => Picked::Idle(idle.remove(at).bind(workspace)),
            // Fewer turns than places: where there is neither room nor an idle one, one is out as a witness and a spare
            // is used.
            None => Picked::Open(Member::enter(&self.roll, workspace)),
        }
    }

    /// Gives up what is idle.
    pub fn clear(&self) {
        let idle = std::mem::take(&mut lock(&self.state).idle);
        idle.into_iter().for_each(|slot| drop(Object::take(slot.object)));
    }

    /// An idle connection that was open before `moment` and still is: the server has not restarted since.
    pub fn witness(&self, moment: Instant) -> Option<Slot> {
        let mut state = lock(&self.state);
        let at = state.idle.iter().position(|slot| slot.opened < moment && !slot.object.is_closed())?;
        Some(state.idle.remove(at))
    }

    /// Gives a connection to who waits for one that knows what it knows, else lays it by.
    pub fn put(&self, mut slot: Slot) {
        let mut state = lock(&self.state);
        while let Some(at) = state.waiting.iter().position(|waiting| slot.member.knows.contains(&waiting.workspace)) {
            let Some(Waiting { workspace, sender }) = state.waiting.remove(at) else { break };
            match sender.send(slot.bind(workspace)) {
                Ok(()) => return,
                // It waits no longer.
                Err(back) => slot = back,
            }
        }
        state.idle.push(slot);
    }
}

/// Broken ones leave the pool when dropped: deadpool forgets a closed object.
fn drop_closed(idle: &mut Vec<Slot>) {
    let mut i = 0;
    while i < idle.len() {
        if idle[i].object.is_closed() {
            let _ = Object::take(idle.remove(i).object);
        } else {
            i += 1;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(number: u128) -> WorkspaceId {
        WorkspaceId(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn a_workspace_earns_connections_by_its_part_of_the_latest_requests() {
        let mut recent = Recent::default();
        (0..RECENT).for_each(|_| recent.note(workspace(0)));
        assert!(recent.share(workspace(0), 16) >= 16, "alone it may use all");
        assert_eq!(recent.share(workspace(1), 16), LEAST);

        (0..RECENT as u128).for_each(|n| recent.note(workspace(n % 2)));
        assert!(recent.share(workspace(0), 16) >= 16, "two may use all, too");

        (0..RECENT as u128).for_each(|n| recent.note(workspace(n % 300)));
        assert_eq!(recent.share(workspace(7), 16), LEAST);
        assert_eq!(recent.counts.len(), 300, "the past is forgotten");
    }
}

//! Which idle connection serves next: one that last served the same workspace; else one that has served it before, whose
//! backend still knows the schema (to learn it takes a millisecond, thirty times what a read takes); else a new one while
//! there is room; else the one that has seen the fewest workspaces, so that each connection gets a share of them.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::Object;
use domain::WorkspaceId;
use domain::kinds::Kinds;
use lru::LruCache;
use tokio_postgres::Statement;

/// Filters have many shapes; a connection keeps the statements of the latest, colder ones are prepared anew.
const SHAPES: NonZeroUsize = NonZeroUsize::new(256).expect("not zero");

/// A connection with what is known of it.
pub(super) struct Slot {
    pub object: Object,
    /// The workspace it served last.
    pub bound: WorkspaceId,
    statements: Statements,
    seen: HashSet<WorkspaceId>,
    opened: Instant,
    _counted: Counted,
}

/// One of the pool's connections, from before it is opened until it is gone.
pub(super) struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What serves next.
#[expect(clippy::large_enum_variant, reason = "taken apart where it is made, once a request")]
pub(super) enum Picked {
    Idle(Slot),
    /// The caller opens one.
    Open(Counted),
}

impl Slot {
    pub fn new(object: Object, bound: WorkspaceId, counted: Counted) -> Self {
        let (statements, opened) = (Statements::default(), Instant::now());
        Self { object, bound, statements, seen: HashSet::from([bound]), opened, _counted: counted }
    }

    /// Its statements, and whose they are: a plan is good for the search path it was made under and no other, so each
    /// workspace has its own.
    pub fn statements(&mut self) -> (&mut Statements, WorkspaceId) {
        (&mut self.statements, self.bound)
    }

    pub fn is_worn(&self, schemas: usize, max_age: Duration) -> bool {
        self.seen.len() > schemas || self.opened.elapsed() > max_age
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

pub(super) struct Picker {
    /// The longest idle first.
    idle: Mutex<Vec<Slot>>,
    /// Open, in use or being opened. Not deadpool's count, which an opening connection joins only at its end: many could
    /// take the last place at once, and those too many would wait for a place while connections come back to us idle.
    open: Arc<AtomicUsize>,
    size: usize,
}

impl Picker {
    pub fn new(size: usize) -> Self {
        Self { idle: Mutex::default(), open: Arc::default(), size }
    }

    pub fn idle(&self) -> usize {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// What serves a request that holds a turn.
    pub fn pick(&self, workspace: WorkspaceId) -> Picked {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // Broken ones leave the pool when dropped: deadpool forgets a closed object.
        let mut i = 0;
        while i < idle.len() {
            if idle[i].object.is_closed() {
                let _ = Object::take(idle.remove(i).object);
            } else {
                i += 1;
            }
        }
        // The most recently used of the same workspace: its plans and pages are warm.
        let bound = idle.iter().rposition(|slot| slot.bound == workspace);
        let known = bound.or_else(|| idle.iter().rposition(|slot| slot.seen.contains(&workspace)));
        let room = self.open.load(Ordering::Acquire) < self.size;
        let any = || (0..idle.len()).filter(|_| !room).min_by_key(|at| idle[*at].seen.len());
        // Fewer turns than places: where there is neither room nor an idle one, one is out as a witness and a spare is used.
        let Some(at) = known.or_else(any) else {
            self.open.fetch_add(1, Ordering::AcqRel);
            return Picked::Open(Counted(self.open.clone()));
        };
        let mut slot = idle.remove(at);
        slot.bound = workspace;
        slot.seen.insert(workspace);
        Picked::Idle(slot)
    }

    /// An idle connection that was open before `moment` and still is: the server has not restarted since.
    pub fn witness(&self, moment: Instant) -> Option<Slot> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let at = idle.iter().position(|slot| slot.opened < moment && !slot.object.is_closed())?;
        Some(idle.remove(at))
    }

    pub fn put(&self, slot: Slot) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(slot);
    }
}

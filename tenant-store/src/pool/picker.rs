//! Which idle connection serves next: one that last served the same workspace, else a new one while there is room, else the
//! one bound longest ago.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::Object;
use domain::WorkspaceId;
use lru::LruCache;
use tokio_postgres::Statement;

/// Filters have many shapes; a connection keeps the statements of the latest, colder ones are prepared anew.
const SHAPES: NonZeroUsize = NonZeroUsize::new(256).expect("not zero");

/// A connection with what is known of it.
pub(super) struct Slot {
    pub object: Object,
    /// The workspace it served last.
    pub bound: WorkspaceId,
    pub statements: Statements,
    seen: HashSet<WorkspaceId>,
    opened: Instant,
}

impl Slot {
    pub fn new(object: Object, bound: WorkspaceId) -> Self {
        Self { object, bound, statements: Statements::default(), seen: HashSet::from([bound]), opened: Instant::now() }
    }

    pub fn is_worn(&self, schemas: usize, max_age: Duration) -> bool {
        self.seen.len() > schemas || self.opened.elapsed() > max_age
    }
}

/// The prepared statements of one connection. Static text is bounded by the program; the rest by [`SHAPES`].
pub(super) struct Statements {
    /// By the address of the text, which for a `'static` is its identity.
    fixed: HashMap<(usize, usize), Statement>,
    shapes: LruCache<String, Statement>,
}

impl Default for Statements {
    fn default() -> Self {
        Self { fixed: HashMap::new(), shapes: LruCache::new(SHAPES) }
    }
}

impl Statements {
    pub fn fixed(&self, sql: &'static str) -> Option<Statement> {
        self.fixed.get(&(sql.as_ptr() as usize, sql.len())).cloned()
    }

    pub fn keep_fixed(&mut self, sql: &'static str, statement: Statement) {
        self.fixed.insert((sql.as_ptr() as usize, sql.len()), statement);
    }

    pub fn shape(&mut self, sql: &str) -> Option<Statement> {
        self.shapes.get(sql).cloned()
    }

    pub fn keep_shape(&mut self, sql: String, statement: Statement) {
        self.shapes.put(sql, statement);
    }

    /// After a schema change made a plan's result type stale.
    pub fn forget(&mut self) {
        self.fixed.clear();
        self.shapes.clear();
    }
}

/// Idle connections, the longest idle first.
#[derive(Default)]
pub(super) struct Picker {
    idle: Mutex<Vec<Slot>>,
}

impl Picker {
    pub fn idle(&self) -> usize {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Takes an idle connection; `None` asks the caller to open one.
    pub fn pick(&self, workspace: WorkspaceId, may_open: bool) -> Option<Slot> {
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
        if let Some(at) = idle.iter().rposition(|slot| slot.bound == workspace) {
            return Some(idle.remove(at));
        }
        if may_open || idle.is_empty() {
            return None;
        }
        let mut slot = idle.remove(0);
        slot.bound = workspace;
        slot.seen.insert(workspace);
        Some(slot)
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

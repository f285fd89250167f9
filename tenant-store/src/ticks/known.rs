//! What a replica knows to stand in the table of hints, so that a state change costs no hint when one as early is there.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use domain::WorkspaceId;
use wire::Time;

/// How long what was written is trusted to stand there: others write the same rows. So a workspace in which something falls
/// due with every state change costs a hint in this time, and not one for each.
pub const TRUST: Duration = Duration::from_secs(5);
/// Past so many workspaces, those that are not trusted any more are left out.
const MANY: usize = 1000;

#[derive(Default)]
pub struct Known(HashMap<WorkspaceId, Hint>);

struct Hint {
    due: Time,
    written: Instant,
    /// How far ahead it was when it was written.
    ahead: Duration,
}

impl Hint {
    /// Whether it was not taken up yet, and nobody had the time to put another in its place.
    fn stands(&self, now: Instant) -> bool {
        now.duration_since(self.written) < self.ahead.min(TRUST)
    }
}

impl Known {
    /// Whether something that falls due then is earlier than what is known; if so, it is known from now on.
    pub fn is_news(&mut self, workspace: WorkspaceId, due: Time, now: Instant) -> bool {
        if self.0.get(&workspace).is_some_and(|hint| hint.stands(now) && hint.due <= due) {
            return false;
        }
        if self.0.len() >= MANY {
            self.0.retain(|_, hint| hint.stands(now));
        }
        // Which clock this goes by does not matter for long: see TRUST.
        let ahead = due.seconds_since(Time::of_machine()).clamp(0.25, 3600.0);
        self.0.insert(workspace, Hint { due, written: now, ahead: Duration::from_secs_f64(ahead) });
        true
    }

    pub fn forget(&mut self, workspace: WorkspaceId) {
        self.0.remove(&workspace);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(n: u128) -> WorkspaceId {
        WorkspaceId(uuid::Uuid::from_u128(n))
    }

    #[test]
    fn only_what_is_earlier_is_news_and_nothing_is_known_for_long() {
        let (mut known, began) = (Known::default(), Instant::now());
        let soon = Time::of_machine() + Duration::from_secs(15);
        assert!(known.is_news(workspace(1), soon, began));
        assert!(!known.is_news(workspace(1), soon, began));
        assert!(!known.is_news(workspace(1), soon + Duration::from_secs(1), began + TRUST / 2));
        assert!(known.is_news(workspace(2), soon, began), "each workspace has its own");
        assert!(known.is_news(workspace(1), soon - Duration::from_secs(1), began), "it is earlier");
        assert!(known.is_news(workspace(1), soon, began + TRUST), "another may stand there by now");
    }

    #[test]
    fn what_was_due_is_taken_up_and_known_no_more() {
        let (mut known, began) = (Known::default(), Instant::now());
        let now = Time::of_machine();
        assert!(known.is_news(workspace(1), now, began));
        assert!(!known.is_news(workspace(1), now, began), "many at once cost one");
        assert!(known.is_news(workspace(1), now + Duration::from_secs(9), began + Duration::from_millis(300)));
    }

    #[test]
    fn what_could_not_be_written_is_not_known() {
        let (mut known, began) = (Known::default(), Instant::now());
        let due = Time::of_machine() + Duration::from_secs(15);
        assert!(known.is_news(workspace(1), due, began));
        known.forget(workspace(1));
        assert!(known.is_news(workspace(1), due, began));
    }

    #[test]
    fn memory_is_bounded_by_the_workspaces_of_a_moment() {
        let (mut known, began) = (Known::default(), Instant::now());
        let due = Time::of_machine();
        for n in 0..10_000 {
            known.is_news(workspace(n), due, began + Duration::from_millis(n as u64));
        }
        assert!(known.0.len() <= MANY);
    }
}

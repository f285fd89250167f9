//! Complaints as they are kept: the first ones, up to a bound.

use crate::hydrate::Step;

/// Bytes of complaints that are kept; some 3,000 plain ones.
const MOST_BYTES: usize = 512 * 1024;
/// What a complaint takes beside its texts, and a step of its path.
const A_COMPLAINT: usize = 128;
const A_STEP: usize = 32;

/// One complaint about one place.
#[derive(Clone, Debug)]
pub(super) struct Complaint {
    pub path: Vec<Step>,
    pub keyword: &'static str,
    pub message: String,
    /// Of the branches of `anyOf` and `oneOf`.
    pub context: Vec<Complaint>,
}

/// What a check has told so far.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub complaints: Vec<Complaint>,
    /// Whether there were more than are kept.
    pub more: bool,
    bytes: usize,
}

/// A moment to which what is told can go back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    complaints: usize,
    bytes: usize,
    more: bool,
}

impl Told {
    pub fn mark(&self) -> Mark {
        Mark { complaints: self.complaints.len(), bytes: self.bytes, more: self.more }
    }

    /// Forgets what was told since.
    pub fn forget(&mut self, since: Mark) {
        drop(self.take(since));
        self.bytes = since.bytes;
        self.more = since.more;
    }

    pub fn tell(&mut self, complaint: Complaint) {
        if self.bytes >= MOST_BYTES {
            self.more = true;
            return;
        }
        self.bytes += A_COMPLAINT + complaint.message.len() + complaint.path.iter().map(bytes).sum::<usize>();
        self.complaints.push(complaint);
    }

    /// Tells what was told since as the reasons of one complaint; without them where there is no room for both.
    pub fn tell_with_context(&mut self, since: Mark, complaint: Complaint) {
        if self.bytes >= MOST_BYTES {
            self.forget(since);
            return self.tell(complaint);
        }
        let context = self.take(since);
        self.tell(Complaint { context, ..complaint });
    }

    fn take(&mut self, since: Mark) -> Vec<Complaint> {
        self.complaints.split_off(since.complaints)
    }
}

fn bytes(step: &Step) -> usize {
    match step {
        Step::Field(name) => A_STEP + name.len(),
        Step::Index(_) => A_STEP,
    }
}

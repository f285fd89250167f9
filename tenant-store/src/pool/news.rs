//! What a transaction has to tell once it is committed, and nobody hears of when it is not.

use std::pin::Pin;

use domain::events::lifecycle::Telling;

use super::Tx;
use crate::Result;

/// How a transaction ends that tells of something: what is told is stored by its last statement, and announced once that
/// is committed. The room that stores it hands this in.
pub(crate) type Ending = for<'t> fn(Tx<'t>, Vec<Telling>) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 't>>;

#[derive(Default)]
pub(super) struct News {
    told: Option<(Vec<Telling>, Ending)>,
    topics: Vec<String>,
}

impl News {
    pub fn tells(&self) -> bool {
        self.told.is_some()
    }

    /// What is told, and how the transaction ends because of it; taken once.
    pub fn take_told(&mut self) -> Option<(Vec<Telling>, Ending)> {
        self.told.take()
    }
}

impl Tx<'_> {
    /// Tells of something by such an end.
    pub(crate) fn tell_by(&mut self, telling: Telling, ending: Ending) {
        self.news.told.get_or_insert_with(|| (Vec::new(), ending)).0.push(telling);
    }

    /// Once this is committed, whoever waits for the topic looks again, on every replica.
    pub fn wake(&mut self, topic: impl Into<String>) {
        self.news.topics.push(topic.into());
    }

    /// Wakes those who wait for what was committed.
    pub(super) fn spread(&mut self) {
        let topics = std::mem::take(&mut self.news.topics);
        self.scope().pool().commits().wake(self.scope().workspace(), &topics);
    }
}

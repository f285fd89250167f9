//! What a transaction has to tell once it is committed, and nobody hears of when it is not.

use std::time::Duration;

use domain::events::lifecycle::Telling;

use super::Tx;
use crate::{Result, events};

#[derive(Default)]
pub(super) struct News {
    /// To be stored with the commit.
    events: Vec<Telling>,
    topics: Vec<String>,
}

impl News {
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }
}

impl Tx<'_> {
    /// Tells of something that happened: an event is stored when this transaction is committed, with its time, and then
    /// whoever listens hears of it.
    pub fn tell(&mut self, telling: Telling) {
        self.news.events.push(telling);
    }

    /// Once this is committed, whoever waits for the topic looks again, on every replica.
    pub fn wake(&mut self, topic: impl Into<String>) {
        self.news.topics.push(topic.into());
    }

    pub(super) async fn commit_with_events(mut self) -> Result<()> {
        let now = self.now().await?;
        // A moment after one another, so that they are listed in the order in which they were told.
        let moments = (0..).map(|nth| now + Duration::from_micros(nth));
        let tellings = std::mem::take(&mut self.news.events);
        let told: Vec<_> = tellings.into_iter().zip(moments).map(|(telling, at)| telling.at(at)).collect();
        let scope = self.scope();
        events::store_with(self, &told).await?;
        events::announce(scope, &told);
        Ok(())
    }

    /// Wakes those who wait for what was committed.
    pub(super) fn spread(&mut self) {
        let topics = std::mem::take(&mut self.news.topics);
        self.scope().pool().commits().wake(self.scope().workspace(), &topics);
    }
}

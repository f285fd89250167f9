//! Events of a transaction's own: stored with its commit, with its time, and announced after it.

use std::time::Duration;

use domain::events::lifecycle::Telling;

use super::{announce, record};
use crate::{Result, Tx};

impl Tx<'_> {
    /// Tells of something that happened: an event is stored when this transaction is committed, with its time, and then
    /// whoever listens hears of it.
    pub fn tell(&mut self, telling: Telling) {
        self.tell_by(telling, |tx, tellings| Box::pin(commit(tx, tellings)));
    }
}

async fn commit(mut tx: Tx<'_>, tellings: Vec<Telling>) -> Result<()> {
    let now = tx.now().await?;
    // A moment after one another, so that they are listed in the order in which they were told.
    let moments = (0..).map(|nth| now + Duration::from_micros(nth));
    let told: Vec<_> = tellings.into_iter().zip(moments).map(|(telling, at)| telling.at(at)).collect();
    let scope = tx.scope();
    record::write(tx, Vec::new(), &told).await?;
    announce(scope, &told);
    Ok(())
}

//! What other replicas have stored, for those who listen here: read from the store, when another replica says that it has
//! stored something that is wanted here, and now and then in any case.
//!
//! The store is asked, and no payload is sent between replicas: a message that is lost costs a few seconds then and no
//! event, and a replica where nobody listens costs the others nothing.

use std::sync::Arc;
use std::time::Duration;

use tenant_store::{Lane, Result, events};
use tokio::time::Instant;
use wire::Time;

use super::listeners::{Room, Wanted};

/// How often is looked without being told.
const POLL: Duration = Duration::from_secs(5);
/// Between two looks, however often others say that there is something.
const SPACING: Duration = Duration::from_millis(50);
/// How far back is looked then: what is stored has the time at which its transaction began.
const NEAR: Duration = Duration::from_secs(2);
/// How far back is looked now and then.
const FAR: Duration = Duration::from_secs(20);
/// Events that are looked at in one look.
const MOST: i64 = 5000;

/// Reads for a room until nobody is in it any more.
pub async fn read_for(room: Arc<Room>) {
    let mut polled = Instant::now();
    loop {
        let told = tokio::time::timeout_at(polled + POLL, room.look.notified()).await.is_ok();
        let back = if told { NEAR } else { FAR };
        if !told {
            polled = Instant::now();
        }
        match look(&room, back).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(%error, workspace = %room.scope.workspace(), "events of other replicas could not be read");
            }
        }
        tokio::time::sleep(SPACING).await;
    }
}

/// Whether anybody is still there.
async fn look(room: &Room, back: Duration) -> Result<bool> {
    let wanted = room.crowd.wanted();
    let names = match &wanted {
        Wanted::Nothing => return Ok(false),
        Wanted::Names(names) => Some(names.as_slice()),
        Wanted::Everything => None,
    };
    let mut tx = room.scope.read(Lane::Read).await?;
    let (found, more) = events::since_received(&mut tx, back, names, MOST, |id| !room.crowd.knows(id)).await?;
    drop(tx);
    if more {
        tracing::warn!(workspace = %room.scope.workspace(), "more events than listeners here can be told of");
    }
    room.crowd.tell_read(found);
    Ok(true)
}

/// When what is told now was stored, about.
pub fn now() -> Time {
    Time::of_machine()
}

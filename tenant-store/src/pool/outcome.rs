//! What became of a transaction whose connection was lost at its commit.

use std::time::{Duration, Instant};

use tokio_postgres::SimpleQueryMessage;

use super::typed::Pooler;
use crate::{Error, Result, Scope};

/// Asks what became of a transaction that was begun at `begun` (`pg_xact_status`).
///
/// A number alone proves nothing after a crash: it may be given out again to another transaction, which then commits. So
/// "committed" is believed only from a connection that was open before the transaction began and still is, because a
/// server that crashed has closed it. Anything else that is not a plain "aborted" leaves the outcome unknown.
pub(super) async fn was_committed(scope: &Scope, xid: &str, begun: Instant) -> Result<bool> {
    let pool = scope.pool();
    let xid: u64 = xid.parse().map_err(Error::internal)?;
    let question = format!("SELECT pg_catalog.pg_xact_status('{xid}'::pg_catalog.xid8)");
    for attempt in 0..10u32 {
        // Behind a pooler no connection is a witness: ours stays open over a crash of the server.
        let witness = match pool.settings().pooler {
            Pooler::None => pool.0.picker.witness(begun),
            Pooler::Transaction => None,
        };
        if let Some(witness) = witness {
            let answer = witness.object.simple_query(&question).await;
            pool.0.picker.put(witness);
            match answer.ok().and_then(|rows| cell(&rows, 0)).as_deref() {
                Some("committed") => return Ok(true),
                Some("aborted") => return Ok(false),
                // Its backend may not have noticed the loss yet; or the witness is gone too.
                _ => {}
            }
        } else if let Ok(object) = pool.0.factory.get().await {
            match object.simple_query(&question).await.ok().and_then(|rows| cell(&rows, 0)).as_deref() {
                Some("aborted") => return Ok(false),
                Some("in progress") => {}
                _ => break,
            }
        }
        tokio::time::sleep(Duration::from_millis(50 << attempt.min(4))).await;
    }
    Err(Error::Unavailable("no proof about the commit".into()))
}

/// A cell of the first row of an answer.
pub(super) fn cell(messages: &[SimpleQueryMessage], at: usize) -> Option<String> {
    messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(at).map(str::to_owned),
        _ => None,
    })
}

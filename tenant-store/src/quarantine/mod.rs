//! What arrived and could not be stored: kept for a person to look at, never in the way of what follows it.

use uuid::Uuid;

use crate::pool::Param;
use crate::{Result, Tx};

/// Something to set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unstorable {
    /// By which way it came.
    pub source: &'static str,
    pub reason: String,
    /// As it came.
    pub body: String,
}

impl Unstorable {
    /// The same thing from the same source has the same id, so that what a client sends again and again is kept once.
    fn id(&self) -> Uuid {
        let named = format!("{}\n{}", self.source, self.body);
        Uuid::new_v5(&Uuid::NAMESPACE_OID, named.as_bytes())
    }
}

const PUT: &str = "insert into quarantine (id, source, reason, body) \
    select u.id, u.source, u.reason, u.body from unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) as u(id, source, reason, body) \
    order by u.id on conflict do nothing";

/// Sets things aside.
pub async fn put(tx: &mut Tx<'_>, things: &[Unstorable]) -> Result<()> {
    let ids: Vec<Uuid> = things.iter().map(Unstorable::id).collect();
    let sources: Vec<&str> = things.iter().map(|thing| thing.source).collect();
    let reasons: Vec<String> = things.iter().map(|thing| writable(&thing.reason)).collect();
    let bodies: Vec<String> = things.iter().map(|thing| writable(&thing.body)).collect();
    let params: [Param<'_>; 4] = [&ids, &sources, &reasons, &bodies];
    tx.run(PUT, &params).await?;
    Ok(())
}

/// With the one character that no column holds shown as what it is.
fn writable(text: &str) -> String {
    text.replace('\0', "\u{2400}")
}

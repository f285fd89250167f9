//! Settings of a workspace that its users change through the API: a key and a JSON value.

use wire::RawJson;

use crate::{Result, Tx};

/// The block document that results go to unless a flow says otherwise. Deletes of blocks clear it.
pub const DEFAULT_RESULT_STORAGE: &str = "default_result_storage_block_id";

const READ: &str = "select s.value from setting s where s.key = $1";
const WRITE: &str = "insert into setting (key, value) values ($1, $2) \
    on conflict (key) do update set value = excluded.value, updated = now()";
const CLEAR: &str = "delete from setting where key = $1";

pub async fn read(tx: &mut Tx<'_>, key: &str) -> Result<Option<RawJson>> {
    let row: Option<(RawJson,)> = tx.opt(READ, &[&key]).await?;
    Ok(row.map(|(value,)| value))
}

pub async fn write(tx: Tx<'_>, key: &str, value: &RawJson) -> Result<()> {
    tx.last_run(WRITE, &[&key, value]).await.map(drop)
}

pub async fn clear(tx: Tx<'_>, key: &str) -> Result<()> {
    tx.last_run(CLEAR, &[&key]).await.map(drop)
}

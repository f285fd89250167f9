//! The key of a workspace: made with its first block, wrapped by the operator's ring, unwrapped for a transaction.

use uuid::Uuid;

use super::KeyRing;
use super::seal::{KEY_BYTES, Key, Place};
use crate::{Error, Result, Tx};
use domain::BlockDocumentId;

const WRAPPED: &str = "workspace data key";
const DOCUMENT: &str = "block document";

const READ: &str = "select m.wrapped_by, m.wrapped_key from workspace_meta m";
/// The row is locked: of several that make a key at once, the first one's is everybody's.
const READ_TO_WRITE: &str = "select m.wrapped_by, m.wrapped_key from workspace_meta m for update of m";
const WRITE: &str = "update workspace_meta set wrapped_by = $1, wrapped_key = $2";

/// A workspace's key as its schema has it: by which key of the ring it is wrapped, and the wrapped key.
pub(crate) type Wrapped = (Option<String>, Option<Vec<u8>>);

/// What became of a workspace's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rewrapped {
    /// It is wrapped by the first key of the ring now.
    Done,
    /// It was already, or the workspace has no key yet.
    NothingToDo,
}

/// The key of a workspace, unwrapped.
pub(crate) struct WorkspaceKey {
    key: Key,
    workspace: Uuid,
}

impl WorkspaceKey {
    pub fn seal(&self, document: BlockDocumentId, text: &str) -> Vec<u8> {
        self.key.seal(self.place(document), text.as_bytes())
    }

    pub fn open(&self, document: BlockDocumentId, sealed: &[u8]) -> Result<String> {
        let opened = self.key.open(self.place(document), sealed).ok().and_then(|text| String::from_utf8(text).ok());
        opened.ok_or_else(|| Error::internal(format!("the data of block document {document} cannot be opened")))
    }

    fn place(&self, document: BlockDocumentId) -> Place {
        Place { what: DOCUMENT, workspace: self.workspace, object: document.0 }
    }
}

impl KeyRing {
    /// A workspace's key, of what its row says; `None` where it has none yet.
    pub(crate) fn unwrap(&self, workspace: Uuid, wrapped: Wrapped) -> Result<Option<WorkspaceKey>> {
        let bytes = self.bytes(workspace, wrapped)?;
        Ok(bytes.map(|bytes| WorkspaceKey { key: Key::of(&bytes), workspace }))
    }

    fn bytes(&self, workspace: Uuid, wrapped: Wrapped) -> Result<Option<[u8; KEY_BYTES]>> {
        let (Some(by), Some(wrapped)) = wrapped else { return Ok(None) };
        let key = self.get(&by).ok_or_else(|| {
            Error::Unavailable(format!(
                "the secrets of this workspace are wrapped by key '{by}', which is not in PREFECTURE_ENCRYPTION_KEYS"
            ))
        })?;
        let bytes = key.open(place(workspace), &wrapped).ok().and_then(|key| <[u8; KEY_BYTES]>::try_from(key).ok());
        let other = || format!("key '{by}' of PREFECTURE_ENCRYPTION_KEYS is not the one that had this id before");
        bytes.map(Some).ok_or_else(|| Error::Unavailable(other()))
    }
}

fn place(workspace: Uuid) -> Place {
    Place { what: WRAPPED, workspace, object: Uuid::nil() }
}

/// The key for writing blocks; made if the workspace has none. An empty ring is told of by [`Error::NoKeys`].
pub(crate) async fn of_workspace(tx: &mut Tx<'_>, ring: &KeyRing) -> Result<WorkspaceKey> {
    let workspace = tx.scope().workspace().0;
    let (by, first) = ring.first().ok_or(Error::NoKeys)?;
    if let Some(key) = ring.unwrap(workspace, tx.one(READ, &[]).await?)? {
        return Ok(key);
    }
    if let Some(key) = ring.unwrap(workspace, tx.one(READ_TO_WRITE, &[]).await?)? {
        return Ok(key);
    }
    let bytes: [u8; KEY_BYTES] = rand::random();
    tx.run(WRITE, &[&by, &first.seal(place(workspace), &bytes)]).await?;
    Ok(WorkspaceKey { key: Key::of(&bytes), workspace })
}

/// Wraps the workspace's key by the first key of the ring, so that the others can be taken out of it.
pub async fn rewrap(mut tx: Tx<'_>, ring: &KeyRing) -> Result<Rewrapped> {
    let workspace = tx.scope().workspace().0;
    let (by, first) = ring.first().ok_or(Error::NoKeys)?;
    let (now, wrapped): Wrapped = tx.one(READ_TO_WRITE, &[]).await?;
    let is_first = now.as_deref() == Some(by);
    let Some(bytes) = ring.bytes(workspace, (now, wrapped))?.filter(|_| !is_first) else {
        tx.rollback().await?;
        return Ok(Rewrapped::NothingToDo);
    };
    tx.last_run(WRITE, &[&by, &first.seal(place(workspace), &bytes)]).await?;
    Ok(Rewrapped::Done)
}

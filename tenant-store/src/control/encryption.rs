//! Which of the operator's keys secrets depend on, so that a program which lacks one says so when it starts, not when
//! somebody needs a secret.

use super::Control;
use crate::Result;
use crate::encryption::KeyRing;

/// A schema of the version before has no such table; then nothing is known and nothing is checked.
const THERE: &str = "select to_regclass('control.encryption_key') is not null";
const ALL: &str = "select k.id, k.proof from control.encryption_key k order by k.id";
const ADD: &str = "insert into control.encryption_key (id, proof) values ($1, $2) on conflict (id) do nothing";
const KEEP: &str = "delete from control.encryption_key k where k.id <> $1";

/// Why secrets cannot be opened with a ring.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrongKeys {
    #[error("secrets of this installation depend on key '{0}', which is not among them")]
    Missing(String),
    #[error("key '{0}' is not the one that had this id before")]
    Another(String),
}

impl Control {
    /// Holds a ring to what secrets depend on, and enters its first key, which they depend on from now on.
    pub async fn take_key_ring(&self, ring: &KeyRing) -> Result<Result<(), WrongKeys>> {
        let client = self.0.db.client().await?;
        if client.opt::<(bool,)>(THERE, &[]).await? != Some((true,)) {
            return Ok(Ok(()));
        }
        let mut known: Vec<(String, Vec<u8>)> = client.all(ALL, &[]).await?;
        if let Some((id, proof)) = ring.proof().filter(|(id, _)| known.iter().all(|(known, _)| known != id)) {
            client.note(ADD, &[&id, &proof]).await?;
            known = client.all(ALL, &[]).await?;
        }
        for (id, proof) in known {
            match ring.proves(&id, &proof) {
                Some(true) => {}
                Some(false) => return Ok(Err(WrongKeys::Another(id))),
                None => return Ok(Err(WrongKeys::Missing(id))),
            }
        }
        Ok(Ok(()))
    }

    /// Nothing depends on other keys than this one any more.
    pub async fn forget_other_keys(&self, id: &str) -> Result<()> {
        self.0.db.client().await?.note(KEEP, &[&id]).await
    }
}

//! The limit of a deployment: its own, or one that it shares.

use domain::{DeploymentId, LimitId};
use wire::Patch;

use crate::{Result, Tx, concurrency_limits};

const SET: &str = "update deployment set concurrency_limit_id = $2 where id = $1";

/// Gives a deployment a limit of its own, or takes away the one it has. One that it shares is another's and stays (the
/// reference changes it, and deletes it, for all who share it).
pub(super) async fn set(
    tx: &mut Tx<'_>,
    id: DeploymentId,
    own: Patch<Option<i32>>,
    shared: Patch<Option<LimitId>>,
) -> Result<()> {
    let limit = match own {
        Patch::Absent => return Ok(()),
        Patch::Set(Some(runs)) => Some(concurrency_limits::set_for_deployment(tx, id, runs.into()).await?),
        Patch::Set(None) => {
            concurrency_limits::delete_for_deployment(tx, id).await?;
            shared.value().copied().flatten()
        }
    };
    tx.run(SET, &[&id, &limit]).await.map(drop)
}

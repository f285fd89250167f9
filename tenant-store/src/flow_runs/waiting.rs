//! Whom to wake when a run waits to be taken: topics of [`Tx::wake`], for polls that are held open.

use domain::rules::event::Surroundings;
use domain::state::{State, StateType};
use domain::{DeploymentId, WorkPoolId};

use crate::Tx;

/// Whoever polls the queues of a pool.
pub fn of_pool(pool: WorkPoolId) -> String {
    format!("runs-of-pool:{pool}")
}

/// Whoever polls a deployment.
pub fn of_deployment(deployment: DeploymentId) -> String {
    format!("runs-of-deployment:{deployment}")
}

/// A run enters a state: if it waits in that, it is told of once it is committed.
pub(crate) fn wake(tx: &mut Tx<'_>, state: Option<&State>, around: &Surroundings) {
    if state.is_none_or(|state| state.type_ != StateType::Scheduled) {
        return;
    }
    if let Some((pool, _)) = &around.work_pool {
        tx.wake(of_pool(pool.id));
    }
    if let Some(deployment) = &around.deployment {
        tx.wake(of_deployment(deployment.id));
    }
}

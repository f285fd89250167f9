//! The states that runs have been in, kept as long as their run.

mod observed;

use domain::StateId;
use domain::state::State;
use domain::stored::Stored;
use uuid::Uuid;

use crate::{Result, Tx};

pub use observed::observed;
#[cfg(test)]
pub(crate) use observed::statement as observed_statement;

/// Of which kind of run a state is: the number of the column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunKind {
    Flow = 0,
    Task = 1,
}

const READ: &str = "select s.state from run_state s where s.id = $1 and s.kind = $2";
const OF_RUN: &str =
    "select s.state from run_state s where s.run_id = $1 and s.kind = $2 order by s.timestamp, s.created, s.id";

pub async fn read(tx: &mut Tx<'_>, kind: RunKind, id: StateId) -> Result<Option<Stored<State>>> {
    let found: Option<(Stored<State>,)> = tx.opt(READ, &[&id, &(kind as i16)]).await?;
    Ok(found.map(|(state,)| state))
}

/// Those of one run, the first first; none of a run that there is not.
pub async fn of_run(tx: &mut Tx<'_>, kind: RunKind, run: Uuid) -> Result<Vec<Stored<State>>> {
    let states: Vec<(Stored<State>,)> = tx.all(OF_RUN, &[&run, &(kind as i16)]).await?;
    Ok(states.into_iter().map(|(state,)| state).collect())
}

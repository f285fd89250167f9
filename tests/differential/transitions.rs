//! State changes as data: a run in an initial state, states proposed one after the other.

use std::path::Path;

use crate::accepted::Accepted;
use crate::servers::Pair;

pub struct Transition {
    pub name: String,
}

/// The transitions of the file; none when there is no file.
pub fn load(path: &Path) -> Result<Vec<Transition>, String> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    Ok(Vec::new())
}

pub fn replay(_pair: &mut Pair, _transition: &Transition, _accepted: &Accepted) -> Result<(), String> {
    Ok(())
}

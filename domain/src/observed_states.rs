//! The states that runs of a workspace have been in.

use serde::Serialize;
use wire::{Input, Output, Time};

/// A type and name of states, and when runs were seen in such a state.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct ObservedState {
    pub state_type: String,
    pub state_name: String,
    pub first_seen: Time,
    pub last_seen: Time,
}

/// Orders of observed states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Input)]
pub enum ObservedStateSort {
    NameAsc,
    #[default]
    LastSeenDesc,
}

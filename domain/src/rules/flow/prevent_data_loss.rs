//! A result that was kept is not lost to a COMPLETED state without one, not even by force.

use crate::rules::Guard;
use crate::rules::decision::ResultData;
use crate::rules::transition::{Kept, States, Transition};
use crate::run::FlowRunCore;
use crate::state::State;

pub struct PreventResultDataLoss;

impl Guard<FlowRunCore> for PreventResultDataLoss {
    fn from(&self) -> States {
        States::TERMINAL
    }

    fn to(&self) -> States {
        States::TERMINAL
    }

    fn enter(&self, t: &mut Transition<'_, FlowRunCore>) -> Kept {
        if let Some((initial, proposed)) = t.both()
            && loses_result(initial, proposed)
        {
            t.reject(LOSES_RESULT);
        }
        Kept::Nothing
    }
}

pub(super) const LOSES_RESULT: &str =
    "Cannot overwrite a COMPLETED state that carries persisted result data with one that does not.";

pub(super) fn loses_result(initial: &State, proposed: &State) -> bool {
    initial.is_completed()
        && proposed.is_completed()
        && ResultData::of(initial.data.as_ref()) == ResultData::Persisted
        && !proposed.data.as_ref().is_some_and(describes_kept_result)
}

/// An object that is not of type `unpersisted`; here even an empty one will do.
fn describes_kept_result(data: &wire::RawJson) -> bool {
    data.text().trim_start().starts_with('{') && ResultData::of(Some(data)) != ResultData::Unpersisted
}

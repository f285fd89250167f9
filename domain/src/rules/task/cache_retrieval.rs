//! A run whose result is cached does not run: it is COMPLETED as `Cached`.

use crate::rules::Guard;
use crate::rules::transition::{Kept, States, Transition};
use crate::run::TaskRunCore;
use crate::state::StateType::Running;
use crate::state::{State, names};

pub struct CacheRetrieval;

impl Guard<TaskRunCore> for CacheRetrieval {
    fn from(&self) -> States {
        States::ALL
    }

    fn to(&self) -> States {
        States::of(&[Running])
    }

    fn enter(&self, t: &mut Transition<'_, TaskRunCore>) -> Kept {
        let Some(details) = t.proposed.as_ref().map(|state| &state.state_details) else { return Kept::Nothing };
        let has_key = details.cache_key.as_ref().is_some_and(|key| !key.is_empty());
        if !has_key || details.refresh_cache == Some(true) {
            return Kept::Nothing;
        }
        if let Some(cached) = &t.facts.cached {
            let state = State { id: t.next_state_id(), timestamp: t.now, ..cached.clone() }.named(names::CACHED);
            t.reject_with(state, "Retrieved state from cache");
        }
        Kept::Nothing
    }
}

//! A COMPLETED state with a cache key can be found under that key.

use crate::rules::Guard;
use crate::rules::decision::Effect;
use crate::rules::transition::{Kept, States, Transition};
use crate::run::TaskRunCore;
use crate::state::StateType::Completed;

pub struct CacheInsertion;

impl Guard<TaskRunCore> for CacheInsertion {
    fn from(&self) -> States {
        States::ALL
    }

    fn to(&self) -> States {
        States::of(&[Completed])
    }

    /// A key that is too long is told to the client as a rejection, with the state it asked for; the reference writes and
    /// caches it all the same.
    fn enter(&self, t: &mut Transition<'_, TaskRunCore>) -> Kept {
        let most = t.settings.max_cache_key_length;
        let too_long = |key: &String| key.chars().count() > most;
        if let Some(proposed) = t.proposed.take_if(|state| state.state_details.cache_key.as_ref().is_some_and(too_long))
        {
            t.reject_with(proposed, format!("Cache key exceeded maximum allowed length of {most} characters."));
        }
        Kept::Nothing
    }

    fn after(&self, t: &mut Transition<'_, TaskRunCore>, _: Kept) {
        let Some(validated) = &t.validated else { return };
        let Some(key) = validated.state_details.cache_key.clone().filter(|key| !key.is_empty()) else { return };
        let expiration = validated.state_details.cache_expiration;
        t.effects.push(Effect::Cache { key, expiration, state: validated.id });
    }
}

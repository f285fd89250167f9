//! A run that begins takes a slot of the limit of each of its tags, all or none, or is told to wait.
//!
//! The client is told a time drawn around the average stay in the fullest limit, so that those who wait do not all come
//! back at once. A limit of 0 will never have room: the run is told to give up.

use crate::rules::Guard;
use crate::rules::decision::{Effect, HELD_FOREVER, Holder, NewLease};
use crate::rules::facts::LimitFacts;
use crate::rules::transition::{Kept, States, Transition};
use crate::run::TaskRunCore;
use crate::state::StateType::Running;

/// How far a wait may exceed the average, as a fraction of it.
const SPREAD: f64 = 0.3;

pub struct SecureTaskConcurrencySlots;

impl Guard<TaskRunCore> for SecureTaskConcurrencySlots {
    fn from(&self) -> States {
        States::ALL
    }

    fn to(&self) -> States {
        States::of(&[Running])
    }

    fn enter(&self, t: &mut Transition<'_, TaskRunCore>) -> Kept {
        let facts = t.facts;
        let (closed, open): (Vec<&LimitFacts>, Vec<&LimitFacts>) =
            facts.tag_limits.iter().filter(|limit| limit.active).partition(|limit| limit.limit == 0);
        if let Some(limit) = closed.last() {
            t.abort(format!(
                "The concurrency limit on tag \"{}\" is 0 and will deadlock if the task tries to run again.",
                limit.tag()
            ));
        }
        let Some(fullest) = fullest(&open) else { return Kept::Nothing };
        if !open.iter().all(|limit| limit.has_room()) {
            let most = t.settings.tag_slot_wait.as_secs_f64();
            let stay = fullest.avg_slot_occupancy_seconds;
            let average = if stay == 0.0 { most } else { stay.min(most) };
            let delay = t.chance.clamped_poisson(average, SPREAD).round_ties_even();
            let tags: Vec<&str> = open.iter().map(|limit| limit.tag()).collect();
            t.delay(delay as i64, format!("Concurrency limit reached for tags: {}", tags.join(", ")));
            return Kept::Nothing;
        }
        // The reference takes slots for a run that it has just told to give up, and never gives them back.
        if t.proposed.is_none() {
            return Kept::Nothing;
        }
        let (id, holder) = (t.chance.lease_id(), Some(Holder::TaskRun(t.run.id)));
        let limits = open.iter().map(|limit| limit.id).collect();
        t.effects.push(Effect::Secure(NewLease { id, limits, slots: 1, ttl: HELD_FOREVER, holder }));
        Kept::Lease(id)
    }

    fn cleanup(&self, t: &mut Transition<'_, TaskRunCore>, kept: Kept) {
        if let Kept::Lease(lease) = kept {
            t.unsecure(lease);
        }
    }
}

/// The limit with the greatest part of its slots in use, the first of equals.
fn fullest<'a>(limits: &[&'a LimitFacts]) -> Option<&'a LimitFacts> {
    let share = |limit: &LimitFacts| limit.active_slots as f64 / limit.limit as f64;
    limits.iter().copied().reduce(|a, b| if share(b) > share(a) { b } else { a })
}

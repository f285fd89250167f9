//! Reasons of runs that do not wait to be taken, and how times and slots are told.

use wire::Time;

use super::answer::{Reason, ReasonCode, ReasonFacts, Thing, ThingKind};
use super::elapsed;
use super::facts::{Facts, Slots};
use crate::state::StateType;

/// A run that was taken, paused or ended.
pub(super) fn of_state(facts: &Facts, type_: StateType) -> Vec<Reason> {
    let name = facts.run.state_name.as_deref().unwrap_or(type_.default_name());
    let ago = facts.run.since.map(|since| format!(" for {}", length(elapsed(facts.now, since)))).unwrap_or_default();
    match type_ {
        StateType::Pending => vec![Reason::blocking(
            ReasonCode::Submitted,
            format!("It was taken and has been {name}{ago}: what it runs in must start and report."),
        )],
        StateType::Running => running(facts, &ago),
        StateType::Paused => vec![paused(facts, name, &ago)],
        StateType::Cancelling => vec![Reason::telling(
            ReasonCode::Cancelling,
            format!("It has been cancelling{ago}: who runs it must end it; after five minutes it counts as cancelled."),
        )],
        _ => vec![Reason::telling(ReasonCode::Ended, format!("It has ended: it has been {name}{ago}."))],
    }
}

fn running(facts: &Facts, ago: &str) -> Vec<Reason> {
    let mut reasons = vec![Reason::telling(ReasonCode::Running, format!("It has been running{ago}."))];
    reasons.extend(facts.tag_limits.iter().map(|limit| {
        let verb = if limit.waiting.len() == 1 { "waits" } else { "wait" };
        let (many, slots) = (limit.waiting.len(), of_slots(&limit.slots));
        let message = format!("{many} of its task runs {verb} for the limit of the tag {:?}: {slots}.", limit.tag);
        let about = Thing::new(ThingKind::ConcurrencyLimit, limit.id.0, &format!("tag:{}", limit.tag));
        let told = ReasonFacts { waiting: limit.waiting.clone(), ..with_slots(about, &limit.slots) };
        Reason::telling(ReasonCode::TagLimit, message).with(told)
    }));
    reasons
}

fn paused(facts: &Facts, name: &str, ago: &str) -> Reason {
    let until = facts.run.details.pause_timeout;
    let end = until.map(|until| format!(", or it fails at {until}")).unwrap_or_default();
    let message = format!("It has been {name}{ago}: somebody must resume it{end}.");
    Reason::blocking(ReasonCode::Paused, message).with(ReasonFacts { until, ..ReasonFacts::default() })
}

pub(super) fn with_slots(about: Thing, slots: &Slots) -> ReasonFacts {
    ReasonFacts {
        about: Some(about),
        limit: Some(slots.limit),
        slots_taken: Some(slots.taken),
        holders: slots.holders.clone(),
        ..ReasonFacts::default()
    }
}

/// `2 of 2 slots are taken, by "a" and "b"`.
pub(super) fn of_slots(slots: &Slots) -> String {
    if slots.limit == 0 {
        return "it has no slots at all".to_owned();
    }
    let names: Vec<String> = slots
        .holders
        .iter()
        .filter_map(|holder| holder.task_run_name.as_ref().or(holder.flow_run_name.as_ref()))
        .take(3)
        .map(|name| format!("{name:?}"))
        .collect();
    let others = usize::try_from(slots.taken).unwrap_or_default().saturating_sub(names.len());
    let by = match (names.as_slice(), others) {
        ([], _) => String::new(),
        (names, 0) => match names.split_last() {
            Some((last, [])) => format!(", by {last}"),
            Some((last, rest)) => format!(", by {} and {last}", rest.join(", ")),
            None => String::new(),
        },
        (names, 1) => format!(", by {} and another", names.join(", ")),
        (names, others) => format!(", by {} and {others} others", names.join(", ")),
    };
    let (verb, word) = if slots.limit == 1 { ("is", "slot") } else { ("are", "slots") };
    format!("{} of {} {word} {verb} taken{by}", slots.taken, slots.limit)
}

/// `last polled 3 minutes ago`, or never.
pub(super) fn seen(what: &str, last: Option<Time>, now: Time) -> String {
    match last {
        Some(last) => format!("the last {what} was {} ago", length(elapsed(now, last))),
        None => format!("there was no {what} yet"),
    }
}

/// A length of time as people say it.
pub(super) fn length(seconds: f64) -> String {
    let whole = |n: f64, word: &str| {
        let n = n.floor();
        format!("{n} {word}{}", if n == 1.0 { "" } else { "s" })
    };
    match seconds {
        s if s < 120.0 => whole(s, "second"),
        s if s < 7200.0 => whole(s / 60.0, "minute"),
        s if s < 172_800.0 => whole(s / 3600.0, "hour"),
        s => whole(s / 86_400.0, "day"),
    }
}

//! The header fields of limits (IETF draft-ietf-httpapi-ratelimit-headers, in the form of lists of items), and when to come
//! again. Pure.

use std::fmt::{self, Write};

use http::{HeaderName, HeaderValue};

use super::quota::{Nanos, Quota};

pub const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
pub const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

const SECOND: Nanos = 1_000_000_000;

/// What a limit is and what is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    pub name: &'static str,
    pub quota: Quota,
    pub remaining: u64,
    /// Until all of it is there again.
    pub reset: Nanos,
}

/// `"requests";q=625;w=60`; `None` without a limit.
pub fn policy(limits: impl Iterator<Item = (&'static str, Quota)>) -> Option<HeaderValue> {
    list(limits, |text, (name, quota)| write!(text, "\"{name}\";q={};w=60", quota.per_minute))
}

/// `"requests";r=104;t=10`; `None` without a limit.
pub fn limit(states: impl Iterator<Item = State>) -> Option<HeaderValue> {
    list(states, |text, State { name, remaining, reset, .. }| {
        write!(text, "\"{name}\";r={remaining};t={}", reset.div_ceil(SECOND))
    })
}

/// Every answer carries one: written in one piece.
fn list<T>(items: impl Iterator<Item = T>, item: impl Fn(&mut String, T) -> fmt::Result) -> Option<HeaderValue> {
    let mut text = String::with_capacity(128);
    for next in items {
        if !text.is_empty() {
            text.push_str(", ");
        }
        item(&mut text, next).ok()?;
    }
    // Names stand in the program.
    HeaderValue::try_from(text).ok().filter(|list| !list.is_empty())
}

/// Whole seconds, 1 to 5: older clients cannot read anything else, and workers give up on long ones. `chance`, 0 or 1 by
/// chance, keeps those that were refused together from coming again together.
pub fn retry_after(wait: Nanos, chance: u8) -> u8 {
    (wait.div_ceil(SECOND)).clamp(1, 4) as u8 + chance.min(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_lists_of_named_items() {
        let quota = Quota { per_minute: 625, burst: 104 };
        let states = [
            State { name: "requests", quota, remaining: 103, reset: SECOND / 10 },
            State { name: "requests-of-workspace", quota: quota.part(50), remaining: 0, reset: 3 * SECOND },
        ];
        assert_eq!(
            policy(states.iter().map(|state| (state.name, state.quota))).unwrap(),
            r#""requests";q=625;w=60, "requests-of-workspace";q=312;w=60"#
        );
        assert_eq!(limit(states.into_iter()).unwrap(), r#""requests";r=103;t=1, "requests-of-workspace";r=0;t=3"#);
    }

    #[test]
    fn nobody_is_told_to_wait_less_than_a_second_or_more_than_five() {
        assert_eq!((retry_after(0, 0), retry_after(1, 1)), (1, 2));
        assert_eq!((retry_after(2 * SECOND, 0), retry_after(2 * SECOND + 1, 0)), (2, 3));
        assert_eq!((retry_after(3600 * SECOND, 0), retry_after(3600 * SECOND, 1)), (4, 5));
    }
}

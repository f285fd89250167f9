//! Clocks: keys and leases end by the database's, tokens by this machine's, limits by Redis's.

use std::time::Duration;

use wire::Time;

use super::report::{Report, Verdict};

/// The time of this machine around a question: before and after it.
#[derive(Clone, Copy, Debug)]
pub struct Around(Time, Time);

/// Does something and says when.
pub async fn timed<T>(work: impl Future<Output = T>) -> (T, Around) {
    let before = Time::of_machine();
    let done = work.await;
    (done, Around(before, Time::of_machine()))
}

const NOTICEABLE: Duration = Duration::from_secs(1);
const HARMFUL: Duration = Duration::from_secs(10);

/// What another clock said during a question, held against this machine's: the least that they can differ by.
pub fn judge(report: &mut Report, check: &'static str, theirs: Time, Around(before, after): Around) {
    let early = before.seconds_since(theirs).max(0.0);
    let late = theirs.seconds_since(after).max(0.0);
    let skew = early.max(late);
    let found = match skew < 0.001 {
        true => "the same as this machine's".to_owned(),
        false => format!("{skew:.3} s {} this machine's", if early > late { "behind" } else { "ahead of" }),
    };
    let verdict = if skew >= HARMFUL.as_secs_f64() { Verdict::Bad } else { Verdict::Warning };
    let cure = "run NTP (chrony, systemd-timesyncd) on both machines";
    report.unless(skew >= NOTICEABLE.as_secs_f64(), verdict, check, found, cure);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_is_seen_whichever_way() {
        let now = Time::of_machine();
        let around = Around(now, now.plus_seconds(0.2));
        for (theirs, expected) in [
            (0.1, Verdict::Good),
            (0.9, Verdict::Good),
            (-0.9, Verdict::Good),
            (3.0, Verdict::Warning),
            (-3.0, Verdict::Warning),
            (60.0, Verdict::Bad),
            (-60.0, Verdict::Bad),
        ] {
            let mut report = Report::default();
            judge(&mut report, "clock", now.plus_seconds(theirs), around);
            assert_eq!(report.verdict("clock"), Some(expected), "{theirs}");
        }
    }
}

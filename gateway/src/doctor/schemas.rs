//! What was migrated, and whether this program serves it.

use std::ops::RangeInclusive;

use tenant_store::inspect::{Control, Schemas};
use tenant_store::migrate::{CONTROL_SERVED, CONTROL_VERSION, WORKSPACE_SERVED, WORKSPACE_VERSION};

use super::report::Report;

const CONTROL: &str = "control schema";
const WORKSPACES: &str = "workspace schemas";
const MIGRATE: &str = "run `prefecture migrate` of this version";

/// A schema's version beside the program's; the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Current,
    /// Served, and to be brought up.
    Behind,
    TooOld,
    TooNew,
}

/// `login` is who looked.
pub fn judge(report: &mut Report, schemas: &Schemas, login: &str) {
    let version = match schemas.control {
        Control::Version(version) => version,
        Control::Missing => return unreadable(report, "there is none", MIGRATE),
        Control::Closed => {
            let cure =
                "run `prefecture migrate` with this login in PREFECTURE_DATABASE_URL: migrations give it its rights";
            return unreadable(report, &format!("closed to {login}"), cure);
        }
    };
    let standing = standing(version, &CONTROL_SERVED, CONTROL_VERSION);
    say(report, CONTROL, format!("version {version}"), standing);

    let all: Vec<String> =
        schemas.workspaces.iter().map(|(version, count)| format!("{count} of version {version}")).collect();
    let found = if all.is_empty() { "no workspace yet".to_owned() } else { all.join(", ") };
    let standings =
        schemas.workspaces.iter().map(|(version, _)| self::standing(*version, &WORKSPACE_SERVED, WORKSPACE_VERSION));
    say(report, WORKSPACES, found, standings.max().unwrap_or(Standing::Current));
}

fn unreadable(report: &mut Report, found: &str, cure: &str) {
    report.bad(CONTROL, found, cure);
    report.skipped(WORKSPACES, "the control schema must be readable first");
}

fn standing(version: i32, served: &RangeInclusive<i32>, current: i32) -> Standing {
    if version > *served.end() {
        Standing::TooNew
    } else if version < *served.start() {
        Standing::TooOld
    } else if version < current {
        Standing::Behind
    } else {
        Standing::Current
    }
}

fn say(report: &mut Report, check: &'static str, found: String, standing: Standing) {
    match standing {
        Standing::Current => report.good(check, found),
        Standing::Behind => report.warning(check, found, MIGRATE),
        Standing::TooOld => report.bad(check, found, MIGRATE),
        Standing::TooNew => {
            report.bad(check, found, "the database is of a newer version: run that version of the program");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::Verdict;

    fn verdicts(control: Control, workspaces: &[(i32, i64)]) -> (Option<Verdict>, Option<Verdict>) {
        let mut report = Report::default();
        judge(&mut report, &Schemas { control, workspaces: workspaces.to_vec(), tables: 0 }, "serve");
        (report.verdict("control schema"), report.verdict("workspace schemas"))
    }

    #[test]
    fn versions_that_are_not_served_are_bad_and_those_behind_a_warning() {
        let (good, bad, warning) = (Some(Verdict::Good), Some(Verdict::Bad), Some(Verdict::Warning));
        let current = Control::Version(CONTROL_VERSION);
        assert_eq!(verdicts(current, &[(WORKSPACE_VERSION, 9)]), (good, good));
        assert_eq!(verdicts(current, &[]), (good, good));
        assert_eq!(verdicts(Control::Version(CONTROL_VERSION + 2), &[(WORKSPACE_VERSION + 2, 1)]), (bad, bad));
        assert_eq!(verdicts(Control::Version(0), &[(0, 1), (WORKSPACE_VERSION, 9)]), (bad, bad));
        assert_eq!(verdicts(Control::Version(CONTROL_VERSION - 1), &[]), (warning, good));
    }

    #[test]
    fn a_version_is_current_behind_or_out_of_range() {
        let all = [1, 2, 3, 4, 5].map(|version| standing(version, &(2..=4), 3));
        assert_eq!(all, [Standing::TooOld, Standing::Behind, Standing::Current, Standing::Current, Standing::TooNew]);
    }

    #[test]
    fn a_control_schema_that_is_not_there_or_closed_is_bad_and_nothing_is_said_of_the_others() {
        for control in [Control::Missing, Control::Closed] {
            assert_eq!(verdicts(control, &[]), (Some(Verdict::Bad), Some(Verdict::Skipped)), "{control:?}");
        }
    }
}

//! What stands between the program and Postgres, and whether the settings say so.

use tenant_store::inspect::Way;

use super::report::Report;

/// For a pooler that has none for a second connection.
pub const ROOM: &str = "give the pooler more connections to Postgres than the pools of all replicas can ask for";

pub fn is_there(way: Way) -> bool {
    way != Way::Direct
}

/// `told` is the setting: whether a pooler of transactions is expected.
pub fn judge_serving(report: &mut Report, way: Way, told: bool) {
    let check = "pooler";
    match (way, told) {
        (Way::Direct, false) => report.good(check, "none in front of Postgres"),
        (Way::Direct, true) => {
            let cure = "set PREFECTURE_DATABASE_POOLER=none: with transaction each statement is planned anew";
            report.warning(check, "none in front of Postgres, though one of transactions is expected", cure);
        }
        (Way::Sessions, false) => {
            report.good(check, "one that keeps a connection for each of ours, as far as was seen")
        }
        (Way::Transactions, false) => {
            let cure = "set PREFECTURE_DATABASE_POOLER=transaction, and lead PREFECTURE_OWNER_DATABASE_URL past it";
            report.bad(check, "one that gives each transaction another connection", cure);
        }
        (Way::Sessions | Way::Transactions, true) => report.good(check, "one of transactions, as expected"),
    }
}

/// Migrations take locks that are a session's, and make roles and schemas.
pub fn judge_owner(report: &mut Report, way: Way) {
    let check = "owner's pooler";
    match way {
        Way::Direct => report.good(check, "none in front of Postgres"),
        Way::Sessions => report.good(check, "one that keeps a connection for each of ours, as far as was seen"),
        Way::Transactions => {
            let cure = "lead PREFECTURE_OWNER_DATABASE_URL past the pooler, to Postgres itself";
            report.bad(check, "one that gives each transaction another connection", cure);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::Verdict;

    #[test]
    fn what_stands_there_must_be_what_was_said() {
        let serving = |way, told| {
            let mut report = Report::default();
            judge_serving(&mut report, way, told);
            report.verdict("pooler")
        };
        assert_eq!(serving(Way::Direct, false), Some(Verdict::Good));
        assert_eq!(serving(Way::Direct, true), Some(Verdict::Warning));
        assert_eq!(serving(Way::Sessions, false), Some(Verdict::Good));
        assert_eq!(serving(Way::Sessions, true), Some(Verdict::Good));
        assert_eq!(serving(Way::Transactions, false), Some(Verdict::Bad));
        assert_eq!(serving(Way::Transactions, true), Some(Verdict::Good));
    }

    #[test]
    fn the_owner_goes_past_a_pooler_of_transactions() {
        let owner = |way| {
            let mut report = Report::default();
            judge_owner(&mut report, way);
            report.verdict("owner's pooler")
        };
        assert_eq!(owner(Way::Direct), Some(Verdict::Good));
        assert_eq!(owner(Way::Sessions), Some(Verdict::Good));
        assert_eq!(owner(Way::Transactions), Some(Verdict::Bad));
    }
}

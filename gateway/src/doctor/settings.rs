//! Settings that `prefecture serve` would refuse.

use super::report::Report;
use crate::config::WrongSetting;

pub fn judge(report: &mut Report, wrong: &[WrongSetting]) {
    if wrong.is_empty() {
        report.good("settings", "as `prefecture serve` takes them");
    }
    for WrongSetting { setting, problem, example } in wrong {
        report.bad("settings", format!("{setting}: {problem}"), format!("write for example {example}"));
    }
}

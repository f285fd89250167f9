//! Settings that `prefecture serve` would refuse.

use super::report::Report;
use crate::config::{EncryptionSettings, WrongSetting};

pub fn judge(report: &mut Report, wrong: &[WrongSetting]) {
    if wrong.is_empty() {
        report.good("settings", "as `prefecture serve` takes them");
    }
    for WrongSetting { setting, problem, example } in wrong {
        report.bad("settings", format!("{setting}: {problem}"), format!("write for example {example}"));
    }
}

/// Whether secrets can be kept. A ring that is none is among the settings already.
pub fn judge_keys(report: &mut Report, keys: &EncryptionSettings) {
    const CHECK: &str = "encryption keys";
    const CURE: &str = "set PREFECTURE_ENCRYPTION_KEYS to what `prefecture admin encryption generate ID` makes";
    match keys.key_ring().as_ref().map(|ring| ring.first_id()) {
        Ok(Some(first)) => report.good(CHECK, format!("'{first}' is the one in use")),
        Ok(None) => report.warning(CHECK, "none: blocks cannot be saved", CURE),
        Err(_) => {}
    }
}

//! The end of what is old: events, log lines, finished runs (reference: `services/db_vacuum.py`). How long each is kept is
//! a setting, and a workspace may have its own, in days.

use std::time::Duration;

use serde_json::Value;
use tenant_store::retention::{self, Cutoffs, RUNS, STEP};
use tenant_store::{Result, cleanups};
use wire::{RawObject, Time};

use super::{Look, Turn};
use crate::config::ServiceSettings;

/// Rows fall due all the time where events come in; they go some thousand at a time.
const EVERY: Duration = Duration::from_secs(300);

/// What a workspace's owner may set instead of the installation's settings: days, 0 for good.
pub const OWN: [&str; 3] = ["event_retention_days", "log_retention_days", "run_retention_days"];

/// Before when each kind is old.
fn cutoffs(settings: &ServiceSettings, own: &RawObject, now: Time) -> Cutoffs {
    let own = own.0.to_value();
    let before = |key: Option<&str>, installation: Duration| {
        let days = key.and_then(|key| own.get(key)).and_then(Value::as_u64);
        let kept = days.map_or(installation, |days| Duration::from_secs(days.saturating_mul(86_400)));
        (!kept.is_zero()).then(|| now - kept)
    };
    let [events, logs, runs] = OWN;
    Cutoffs {
        events: before(Some(events), settings.keep_events),
        logs: before(Some(logs), settings.keep_logs),
        runs: before(Some(runs), settings.keep_runs),
        quarantine: before(None, settings.keep_quarantine),
    }
}

pub async fn look(turn: &Turn) -> Result<Look> {
    let before = cutoffs(turn.settings(), &turn.own, turn.now());
    let old = retention::old(&mut turn.read().await?, &before).await?;
    let mut look = Look::default();
    let mut more = false;
    let mut gone = |rows: u64, step: i64| {
        look.done += rows;
        more |= rows >= step.unsigned_abs();
    };
    if let Some(before) = before.events.filter(|_| old.events) {
        gone(retention::events(turn.sweep().await?, before).await?, STEP);
    }
    if let Some(before) = before.logs.filter(|_| old.logs) {
        gone(retention::logs(turn.sweep().await?, before).await?, STEP);
    }
    if let Some(before) = before.runs.filter(|_| old.runs) {
        gone(retention::runs(turn.sweep().await?, before).await?, RUNS);
    }
    if let Some(before) = before.runs.filter(|_| old.tasks) {
        gone(retention::tasks(turn.sweep().await?, before).await?, STEP);
    }
    if let Some(before) = before.quarantine.filter(|_| old.quarantine) {
        gone(retention::quarantine(turn.sweep().await?, before).await?, STEP);
    }
    if let Some(before) = before.quarantine.filter(|_| old.cleanups) {
        gone(cleanups::forget(turn.sweep().await?, before).await?, STEP);
    }
    // A workspace that is idle has nothing that grows old, and the sweep looks at it anyway.
    if look.done > 0 {
        look.again(turn.now() + if more { Duration::ZERO } else { EVERY });
    }
    Ok(look)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;
    use wire::RawJson;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        services: ServiceSettings,
    }

    #[test]
    fn a_workspace_may_keep_things_longer_shorter_or_for_good() {
        let settings = Line::parse_from(["prefecture", "--keep-events", "7d", "--keep-logs", "30d"]).services;
        let day = Duration::from_secs(86_400);
        let now = Time::from_micros(0) + day * 1000;
        let of = |own: Value| cutoffs(&settings, &RawObject(RawJson::of(&own)), now);
        let installation = of(json!({}));
        assert_eq!(installation.events, Some(now - day * 7));
        assert_eq!(installation.logs, Some(now - day * 30));
        assert_eq!(installation.runs, None, "runs are kept unless somebody says otherwise");
        let own = of(json!({ "event_retention_days": 90, "log_retention_days": 0, "run_retention_days": 5 }));
        assert_eq!(own.events, Some(now - day * 90));
        assert_eq!(own.logs, None);
        assert_eq!(own.runs, Some(now - day * 5));
        assert_eq!(own.quarantine, installation.quarantine);
        let odd = of(json!({ "event_retention_days": "soon", "log_retention_days": -1, "run_retention_days": null }));
        assert_eq!(odd, installation);
    }
}

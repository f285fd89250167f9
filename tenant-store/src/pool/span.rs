//! The span of a transaction: whose it is and of which lane, how long it waited, whether it failed. Never what is asked.

use std::time::Duration;

use tracing::Span;
use tracing::field::Empty;

use super::lanes::Lane;
use super::tx::Mode;
use crate::{SPANS, Scope};

pub(super) fn transaction(scope: &Scope, lane: Lane, mode: Mode) -> Span {
    tracing::info_span!(
        target: SPANS,
        "transaction",
        otel.kind = "client",
        otel.status_code = Empty,
        db.system.name = "postgresql",
        db.operation.name = if mode == Mode::Whole { "write" } else { "read" },
        prefecture.lane = lane.name(),
        prefecture.workspace = %scope.workspace(),
        prefecture.wait_us = Empty,
    )
}

/// How long its connection was waited for.
pub(super) fn waited(span: &Span, time: Duration) {
    span.record("prefecture.wait_us", i64::try_from(time.as_micros()).unwrap_or(i64::MAX));
}

pub(super) fn failed(span: &Span) {
    span.record("otel.status_code", "error");
}

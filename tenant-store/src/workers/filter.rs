//! What may be asked of workers (reference: `server/schemas/filters.py`, `WorkerFilter…`). The worker is `k`, its pulse `u`.
//! A pool has few workers: what no index serves reads them all.

use domain::pulse::WorkerStatus;
use wire::Time;

use crate::filter;

filter! {
    /// Workers by their last heartbeat.
    WorkerFilterLastHeartbeatTime {
        /// Workers whose last heartbeat was at or before this time
        before_: Time => "u.last_seen <= {}",
        /// Workers whose last heartbeat was at or after this time
        after_: Time => "u.last_seen >= {}",
    }
}

filter! {
    /// Workers by status.
    WorkerFilterStatus {
        /// Workers with one of these statuses
        any_: Vec<WorkerStatus> => "u.status = any({})",
        /// Workers with none of these statuses
        not_any_?: Vec<WorkerStatus> => "u.status <> all({})",
    }
}

filter! {
    /// Workers that meet all criteria, or any under `or_`.
    WorkerFilter operator {
        last_heartbeat_time: nested WorkerFilterLastHeartbeatTime,
        status: nested WorkerFilterStatus,
    }
}

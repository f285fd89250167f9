//! Whether work pools, queues, deployments and workers are there: they are ready while they, or their workers, are seen.

use serde::Serialize;
use wire::{Input, Output};

/// How long after its last poll a work queue or a deployment counts as ready, in seconds (reference:
/// `WORK_QUEUE_LAST_POLLED_TIMEOUT`, `foreman.deployment_last_polled_timeout_seconds`).
pub const POLLED_SECONDS: i64 = 60;
/// A worker that missed this many heartbeats is offline (reference: `foreman.inactivity_heartbeat_multiple`).
pub const HEARTBEATS_MISSED: i64 = 3;
/// Between the heartbeats of a worker that does not say, in seconds (reference: `foreman.fallback_heartbeat_interval_seconds`).
pub const HEARTBEAT_SECONDS: i64 = 30;

/// Whose pulse it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    WorkPool,
    WorkQueue,
    Worker,
    Deployment,
}

impl Whose {
    /// As it is stored.
    pub const fn number(self) -> i16 {
        match self {
            Self::WorkPool => 0,
            Self::WorkQueue => 1,
            Self::Worker => 2,
            Self::Deployment => 3,
        }
    }
}

/// Whether a work pool or a work queue takes work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Output)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Readiness {
    NotReady,
    Ready,
    Paused,
}

/// Whether a worker is heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Input)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WorkerStatus {
    Online,
    Offline,
}

macro_rules! numbered {
    ($type:ident: $($number:literal $variant:ident $name:literal),+) => {
        impl $type {
            /// As it is stored.
            pub const fn number(self) -> i16 {
                match self { $(Self::$variant => $number),+ }
            }

            pub const fn from_number(number: i16) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)+ _ => None }
            }

            /// As it stands in the names of events.
            pub const fn in_events(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }

        #[cfg(feature = "sql")]
        const _: () = {
            use std::error::Error;

            use bytes::BytesMut;
            use postgres_types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

            impl ToSql for $type {
                fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
                    self.number().to_sql(ty, out)
                }
                accepts!(INT2);
                to_sql_checked!();
            }

            impl<'a> FromSql<'a> for $type {
                fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
                    $type::from_number(i16::from_sql(ty, raw)?).ok_or_else(|| "unknown status".into())
                }
                accepts!(INT2);
            }
        };
    };
}
numbered!(Readiness: 0 NotReady "not-ready", 1 Ready "ready", 2 Paused "paused");
numbered!(WorkerStatus: 0 Offline "offline", 1 Online "online");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_written_as_the_reference_writes_them() {
        for (status, name) in
            [(Readiness::NotReady, "NOT_READY"), (Readiness::Ready, "READY"), (Readiness::Paused, "PAUSED")]
        {
            assert_eq!(serde_json::to_value(status).unwrap(), name);
            assert_eq!(Readiness::from_number(status.number()), Some(status));
        }
        assert_eq!(serde_json::to_value(WorkerStatus::Online).unwrap(), "ONLINE");
        assert_eq!(Readiness::from_number(3), None);
    }
}

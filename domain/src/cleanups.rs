//! Clean-ups: infrastructure that a worker is to take down, because its flow run ended without it.
//!
//! One is delivered to a worker of the pool until a worker acknowledges it, or it was delivered too often and is given up.
//! Meanwhile it is reserved: whoever has the reservation's token may say what became of it, until the lease ends (reference:
//! `server/worker_communication/cleanup_queue`).

use uuid::Uuid;
use wire::{Input, RawObject, Time};

use crate::{WorkPoolId, WorkQueueId};

/// What is cleaned up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Input)]
pub enum CleanupKind {
    /// A run whose cancellation nobody carried out in time.
    #[input(rename = "cancelling_timeout_teardown.v1")]
    CancellingTimeout,
    /// Known to workers, and never sent: only managed pools have such claims.
    #[input(rename = "pending_claim_teardown.v1")]
    PendingClaim,
}

impl CleanupKind {
    /// As it is stored.
    pub fn number(self) -> i16 {
        match self {
            Self::CancellingTimeout => 0,
            Self::PendingClaim => 1,
        }
    }

    pub fn of_number(number: i16) -> Option<Self> {
        [Self::CancellingTimeout, Self::PendingClaim].into_iter().find(|kind| kind.number() == number)
    }

    /// The protocol's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::CancellingTimeout => "cancelling_timeout_teardown.v1",
            Self::PendingClaim => "pending_claim_teardown.v1",
        }
    }
}

/// A clean-up in the hand of a worker.
#[derive(Debug, Clone, PartialEq)]
pub struct Reservation {
    pub message_id: Uuid,
    pub kind: CleanupKind,
    pub token: String,
    pub lease_expires_at: Time,
    /// How often it was delivered, this time counted.
    pub deliveries: i32,
    pub work_queue_id: Option<WorkQueueId>,
    pub target: RawObject,
}

/// What a worker says of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// It is done.
    Ack,
    /// It could not be done.
    Release,
    /// It takes longer.
    Renew,
}

impl Operation {
    /// The protocol's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ack => "ack",
            Self::Release => "release",
            Self::Renew => "renew",
        }
    }
}

/// How a clean-up stands that was not given up.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    pub work_pool_id: WorkPoolId,
    /// Of its reservation, and when that ends.
    pub token: Option<String>,
    pub lease_expires_at: Option<Time>,
    pub deliveries: i32,
}

/// What comes of a worker's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// It is done, and no more.
    Done,
    /// It waits to be delivered again.
    Free,
    /// It is reserved for longer.
    Renewed,
    /// The word came too late: it waits to be delivered again.
    Expired,
    /// It was delivered too often.
    Dead,
    NotFound,
    OtherPool,
    NotReserved,
    OtherToken,
    /// This channel delivers none.
    NotDelivered,
    /// The store failed.
    Failed,
}

impl Became {
    /// The protocol's word, and the reason where it is no good news.
    pub fn told(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Done | Self::Free | Self::Renewed => ("accepted", None),
            Self::Expired => ("expired", Some("lease_expired")),
            Self::Dead => ("dead_lettered", Some(DELIVERED_TOO_OFTEN)),
            Self::NotFound => ("not_found", Some("message_not_found")),
            Self::OtherPool => ("unauthorized", Some("work_pool_mismatch")),
            Self::NotReserved => ("not_current", Some("no_active_reservation")),
            Self::OtherToken => ("invalid_token", Some("reservation_token_mismatch")),
            Self::NotDelivered => ("unauthorized", Some("cleanup_delivery_not_accepted")),
            Self::Failed => ("error", Some("cleanup_queue_operation_failed")),
        }
    }
}

/// Why one is given up.
pub const DELIVERED_TOO_OFTEN: &str = "max_delivery_attempts_reached";

/// What becomes of a clean-up when a worker of the pool says something of it.
pub fn judge(
    standing: Option<&Standing>,
    pool: WorkPoolId,
    token: &str,
    operation: Operation,
    now: Time,
    most_deliveries: i32,
) -> Became {
    let Some(standing) = standing else { return Became::NotFound };
    if standing.work_pool_id != pool {
        return Became::OtherPool;
    }
    let (Some(reserved_by), Some(ends)) = (&standing.token, standing.lease_expires_at) else {
        return Became::NotReserved;
    };
    if reserved_by != token {
        return Became::OtherToken;
    }
    let last = standing.deliveries >= most_deliveries;
    match operation {
        _ if ends <= now && last => Became::Dead,
        _ if ends <= now => Became::Expired,
        Operation::Ack => Became::Done,
        Operation::Release if last => Became::Dead,
        Operation::Release => Became::Free,
        Operation::Renew => Became::Renewed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(deliveries: i32, ends: i64) -> Standing {
        Standing {
            work_pool_id: WorkPoolId(Uuid::nil()),
            token: Some("t".into()),
            lease_expires_at: Some(Time::from_micros(ends)),
            deliveries,
        }
    }

    fn judged(standing: &Standing, token: &str, operation: Operation) -> Became {
        judge(Some(standing), WorkPoolId(Uuid::nil()), token, operation, Time::from_micros(100), 3)
    }

    #[test]
    fn a_word_counts_while_the_reservation_lasts() {
        for (operation, deliveries, ends, became) in [
            (Operation::Ack, 1, 101, Became::Done),
            (Operation::Ack, 3, 101, Became::Done),
            (Operation::Release, 1, 101, Became::Free),
            (Operation::Release, 2, 101, Became::Free),
            (Operation::Release, 3, 101, Became::Dead),
            (Operation::Renew, 3, 101, Became::Renewed),
            (Operation::Ack, 1, 100, Became::Expired),
            (Operation::Release, 2, 99, Became::Expired),
            (Operation::Renew, 2, 100, Became::Expired),
            (Operation::Ack, 3, 100, Became::Dead),
            (Operation::Renew, 4, 1, Became::Dead),
        ] {
            assert_eq!(
                judged(&standing(deliveries, ends), "t", operation),
                became,
                "{operation:?} {deliveries} {ends}"
            );
        }
    }

    #[test]
    fn a_word_of_anybody_else_does_not() {
        let reserved = standing(1, 101);
        let waiting = Standing { token: None, lease_expires_at: None, ..reserved.clone() };
        assert_eq!(judged(&reserved, "other", Operation::Ack), Became::OtherToken);
        assert_eq!(judged(&waiting, "t", Operation::Ack), Became::NotReserved);
        let of = |standing| judge(standing, WorkPoolId(Uuid::max()), "t", Operation::Ack, Time::from_micros(0), 3);
        assert_eq!(of(Some(&reserved)), Became::OtherPool);
        assert_eq!(of(None), Became::NotFound);
    }

    #[test]
    fn bad_news_has_a_reason() {
        for became in [Became::Done, Became::Free, Became::Renewed] {
            assert_eq!(became.told(), ("accepted", None));
        }
        for became in [Became::Expired, Became::Dead, Became::NotFound, Became::NotDelivered, Became::Failed] {
            assert!(became.told().1.is_some(), "{became:?}");
        }
    }
}

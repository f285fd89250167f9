//! How much a caller may ask. Refuses (429) what is beyond a rate of the account, the workspace or the key, and what is more
//! at once than a workspace may have in work. Says in every answer what the limits are and what is left.
//!
//! Who is one too many of a workspace's waits for a place, in line, and is refused only when none came within [`WAIT`]: under
//! an overload, refusing at once what is at once asked again would take the processor from what is in work.
//!
//! What costs by the item is refused here when nothing is left, before its body is read, and taken when it was read.

use std::time::Duration;

use bytes::Bytes;
use domain::{AccountId, WorkspaceId};
use rand::Rng;
use tenant_store::control::Principal;

use super::authenticate::enter;
use super::layer::{Below, Step};
use super::refuse::refuse;
use super::shed::take_in_hand;
use super::way::Entered;
use super::{Request, Way};
use crate::App;
use crate::kit::{Cost, Failure, Kept, Lane, Op, Reply, Response, Verb};
use crate::limits::{Kind, Meter, Over, Rank, count_items, retry_after};

#[derive(Clone)]
pub struct Limit(pub App);

const REQUESTS: &str = "Orchestration API rate limit reached";
const ITEMS: &str = "Logs and events rate limit reached";
const IN_WORK: &str = "Too many requests of this workspace are in work";

/// The least that `Retry-After` says, so that whoever listens to it loses nothing.
const WAIT: Duration = Duration::from_secs(1);

/// As many of a workspace's requests are in work as may be.
const CROWDED: &str = "requests-in-work";

impl Step for Limit {
    async fn run(&self, mut request: Request, below: &impl Below) -> Response {
        let Self(app) = self;
        let way = Way::of(&mut request);
        let (Some(op), Some((account, workspace, principal))) = (way.op, caller(&way.entered)) else {
            return below.answer(request).await;
        };
        if op.cost == Cost::Free {
            return below.answer(request).await;
        }
        let meter = match app.limits().meter(account, workspace, principal).await {
            Ok(meter) => meter,
            Err(error) => return refuse(request, error.into(), op.id).await,
        };
        let kind = kind(op);
        let taken = match (op.verb, kind) {
            // Counted message by message; a socket that is refused loses what it would have said.
            (Verb::Socket, Kind::Items) => Ok(()),
            (_, Kind::Items) => meter.check(kind, rank(op.lane)),
            (_, Kind::Requests) => meter.take(kind, rank(op.lane), 1),
        };
        // Who asks too often does not stand in line; who stands there in vain has asked.
        let let_in = match (taken, workspace) {
            (Ok(()), Some(workspace)) => match app.limits().requests.enter(workspace) {
                Some(place) => Ok(Some(way.in_hand.keep(place))),
                None => Box::pin(wait_in_line(app, way, workspace)).await.map(Some), // in a box: it is seldom
            },
            (Ok(()), None) => Ok(None),
            (Err(over), _) => Err(refusal(kind, over)),
        };
        let mut answer = match let_in {
            Ok(_place) => {
                way.meter = Some(meter.clone());
                below.answer(request).await
            }
            Err(failure) => refuse(request, failure, op.id).await,
        };
        // Also where another limit was what refused it.
        meter.announce(kind, answer.headers_mut());
        answer
    }
}

/// A place among the requests of a workspace that are in work, as soon as there is one.
async fn wait_in_line(app: &App, way: &mut Way, workspace: WorkspaceId) -> Reply<Kept> {
    let limits = app.limits();
    let one_too_many = || {
        app.metrics().limits.refused(CROWDED);
        Failure::limited(CROWDED, IN_WORK, retry_after(0, chance()))
    };
    // Who waits is not in the way of others, and takes room; beyond a number, none is left for that.
    let _room = limits.waiting.enter(()).ok_or_else(one_too_many)?;
    let _share = limits.waiting_of_one.enter(workspace).ok_or_else(one_too_many)?;
    way.in_hand.leave();
    let _waits = app.metrics().limits.waiting();
    let place = limits.requests.enter_within(workspace, WAIT).await.ok_or_else(one_too_many)?;
    let kept = way.in_hand.keep((take_in_hand(app)?, place));
    // The key may have been revoked meanwhile.
    if let Some(key) = &way.key {
        way.entered = enter(app, &key.0, way.address.tenant).await?;
    }
    Ok(kept)
}

/// Takes what a body holds, where an operation costs by the item.
pub fn take_items(op: &Op, meter: Option<&Meter>, body: &Bytes) -> Reply<()> {
    match (meter, kind(op)) {
        (Some(meter), Kind::Items) if op.verb != Verb::Socket => {
            meter.take(Kind::Items, rank(op.lane), count_items(body)).map_err(|over| refusal(Kind::Items, over))
        }
        _ => Ok(()),
    }
}

fn caller(entered: &Entered) -> Option<(AccountId, Option<WorkspaceId>, &Principal)> {
    match entered {
        Entered::Workspace(member) => Some((member.account(), Some(member.workspace()), member.principal())),
        Entered::Account(member) => Some((member.account(), None, member.principal())),
        Entered::Nobody | Entered::Key(_) | Entered::Permitted(_) => None,
    }
}

fn kind(op: &Op) -> Kind {
    match op.cost {
        Cost::PerItem => Kind::Items,
        Cost::Free | Cost::One => Kind::Requests,
    }
}

fn rank(lane: Lane) -> Rank {
    match lane {
        Lane::Heavy | Lane::Ingest => Rank::First,
        Lane::Read => Rank::Then,
        Lane::Hot => Rank::Last,
    }
}

fn refusal(kind: Kind, over: Over) -> Failure {
    let detail = match kind {
        Kind::Requests => REQUESTS,
        Kind::Items => ITEMS,
    };
    Failure::limited(over.limit, detail, retry_after(over.wait, chance()))
}

/// 0 or 1, so that those who were refused together do not come again together.
pub fn chance() -> u8 {
    rand::rng().random_range(0..=1)
}

//! Who fell silent: workers that miss their heartbeats, pools none of whose workers is online, queues and deployments that
//! nobody polls (reference: `server/services/foreman.py`).

use domain::events::pools::{self as events, NamedPool};
use domain::pulse::{HEARTBEAT_SECONDS, HEARTBEATS_MISSED, POLLED_SECONDS, Readiness};
use domain::{DeploymentId, WorkPoolId, WorkQueueId, WorkerId};
use wire::Time;

use super::{tell_of_deployments, tell_of_pool};
use crate::{Result, Tx, work_queues};

pub(crate) const WORKERS: &str = "update pulse u set status = 0, changed = now() from worker k \
    where u.kind = 2 and u.status = 1 and k.id = u.resource_id \
    and u.last_seen < $1::timestamptz - make_interval(secs => (coalesce(nullif(k.heartbeat_interval_seconds, 0), $2::integer) * $3::integer)::float8) \
    returning u.resource_id";
pub(crate) const POOLS: &str = "update pulse u set status = 0 where u.kind = 0 and u.status = 1 \
    and not exists (select from worker k join pulse x on x.resource_id = k.id and x.status = 1 where k.work_pool_id = u.resource_id) \
    returning u.resource_id";
pub(crate) const QUEUES: &str = "update pulse u set status = 0, changed = now() where u.kind = 1 and u.status = 1 \
    and u.last_seen < $1::timestamptz - make_interval(secs => $2::integer::float8) returning u.resource_id";
/// A poll of its queue counts for a deployment.
pub(crate) const DEPLOYMENTS: &str = "update pulse u set status = 0, changed = now() where u.kind = 3 and u.status = 1 \
    and u.last_seen < $1::timestamptz - make_interval(secs => $2::integer::float8) \
    and not exists (select from deployment d join pulse q on q.resource_id = d.work_queue_id \
        where d.id = u.resource_id and q.last_seen >= $1::timestamptz - make_interval(secs => $2::integer::float8)) \
    returning u.resource_id";
const NAMED_POOLS: &str = "select w.id, w.name, w.type from work_pool w where w.id = any($1)";
/// The earliest moment at which somebody who is ready may have been silent for too long.
pub(crate) const NEXT: &str = "select min(u.last_seen + make_interval(secs => (case when u.kind = 2 \
        then coalesce(nullif(k.heartbeat_interval_seconds, 0), $1::integer) * $2::integer else $3::integer end)::float8)) \
    from pulse u left join worker k on k.id = u.resource_id where u.status = 1 and u.kind in (1, 2, 3)";

/// Between two looks.
const LEAST_PAUSE_MICROS: i64 = 1_000_000;

/// Who is ready no more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FellSilent {
    pub workers: Vec<WorkerId>,
    pub pools: Vec<WorkPoolId>,
    pub queues: Vec<WorkQueueId>,
    pub deployments: Vec<DeploymentId>,
}

/// Marks who has been silent for too long, and says when to look again; `None` while nobody is ready.
pub async fn look_for_silence(mut tx: Tx<'_>, now: Time) -> Result<(FellSilent, Option<Time>)> {
    let seconds = |n: i64| i32::try_from(n).unwrap_or(i32::MAX);
    let (beat, missed, polled) = (seconds(HEARTBEAT_SECONDS), seconds(HEARTBEATS_MISSED), seconds(POLLED_SECONDS));
    let workers: Vec<(WorkerId,)> = tx.all(WORKERS, &[&now, &beat, &missed]).await?;
    let pools: Vec<(WorkPoolId,)> = tx.all(POOLS, &[]).await?;
    let queues: Vec<(WorkQueueId,)> = tx.all(QUEUES, &[&now, &polled]).await?;
    let deployments: Vec<(DeploymentId,)> = tx.all(DEPLOYMENTS, &[&now, &polled]).await?;
    let (pools, queues, deployments) = (ids(pools), ids(queues), ids(deployments));
    if !pools.is_empty() {
        let named: Vec<(WorkPoolId, String, String)> = tx.all(NAMED_POOLS, &[&pools]).await?;
        for (id, name, type_) in named {
            tell_of_pool(&mut tx, &NamedPool { id, name, type_ }, Readiness::NotReady).await?;
        }
    }
    if !queues.is_empty() {
        for queue in work_queues::named_of(&mut tx, &queues).await? {
            tx.tell(events::queue_status(&queue, Readiness::NotReady));
        }
    }
    tell_of_deployments(&mut tx, &deployments, Readiness::NotReady).await?;
    let (next,): (Option<Time>,) = tx.one(NEXT, &[&beat, &missed, &polled]).await?;
    tx.commit().await?;
    // A deployment whose queue was polled later is not silent yet: not at once again.
    let next = next.map(|next| next.max(Time::from_micros(now.micros() + LEAST_PAUSE_MICROS)));
    let silent = FellSilent { workers: ids(workers), pools, queues, deployments };
    Ok((silent, next))
}

fn ids<T>(rows: Vec<(T,)>) -> Vec<T> {
    rows.into_iter().map(|(id,)| id).collect()
}

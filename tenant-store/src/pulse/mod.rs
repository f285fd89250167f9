//! Who was seen when: polls of queues and deployments, and what falls silent. Heartbeats of workers are written by
//! [`crate::workers`].

pub(crate) mod silence;

use domain::events::lifecycle::deployments::deployment_status;
use domain::events::pools::{self as events, NamedPool};
use domain::pulse::{POLLED_SECONDS, Readiness};
use domain::{DeploymentId, EventId, WorkQueueId};
use wire::Time;

use crate::{Result, Tx, deployments, work_queues};

pub use silence::{FellSilent, look_for_silence};

/// A deployment that is ready is written again only after some seconds: its queue's poll counts for it meanwhile, and a
/// queue may have thousands of them. Rows are taken in the order of their ids, so that two polls do not wait for each other.
const QUEUES_POLLED: &str = "with before as (select u.resource_id from pulse u where u.resource_id = any($1) and u.status <> 0), \
    q as (insert into pulse (resource_id, kind, status, last_seen, changed) \
        select q.id, 1, 1, now(), now() from work_queue q where q.id = any($1) order by q.id \
        on conflict (resource_id) do update set last_seen = now(), \
            status = case when pulse.status = 0 then 1 else pulse.status end, \
            changed = case when pulse.status = 0 then now() else pulse.changed end returning resource_id) \
    select q.resource_id from q where not exists (select from before b where b.resource_id = q.resource_id)";
const DEPLOYMENTS_POLLED: &str = "with d as (select d.id, u.status from deployment d left join pulse u on u.resource_id = d.id \
        where (d.work_queue_id = any($1) or d.id = any($2)) \
        and (u.status is distinct from 1 or u.last_seen is null or u.last_seen < now() - interval '20 seconds')), \
    p as (insert into pulse (resource_id, kind, status, last_seen, changed) \
        select d.id, 3, 1, now(), now() from d order by d.id \
        on conflict (resource_id) do update set last_seen = now(), status = 1, \
            changed = case when pulse.status <> 1 then now() else pulse.changed end) \
    select d.id from d where d.status is distinct from 1";

/// Remembers when a pool's status changed and what told of it, and gives what told of the change before, if that was a
/// short while ago: later nobody mistakes the order of the two.
const POOL_TOLD: &str = "with before as (select u.event_id from pulse u where u.resource_id = $1 \
        and u.event_id is not null and u.changed > now() - interval '10 minutes'), \
    told as (insert into pulse (resource_id, kind, changed, event_id) values ($1, 0, now(), $2) \
        on conflict (resource_id) do update set changed = excluded.changed, event_id = excluded.event_id) \
    select b.event_id from before b";

/// Tells of a pool's new status.
pub(crate) async fn tell_of_pool(tx: &mut Tx<'_>, pool: &NamedPool, status: Readiness) -> Result<()> {
    let id = EventId::new(Time::of_machine());
    let before: Option<(EventId,)> = tx.opt(POOL_TOLD, &[&pool.id, &id]).await?;
    tx.tell(events::pool_status(pool, status).known_as(id).following(before.map(|(id,)| id)));
    Ok(())
}

/// Who became ready by a poll.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BecameReady {
    pub queues: Vec<WorkQueueId>,
    pub deployments: Vec<DeploymentId>,
}

/// Somebody polled these queues, and with them their deployments.
pub async fn queues_polled(mut tx: Tx<'_>, queues: &[WorkQueueId]) -> Result<BecameReady> {
    tx.falls_due(Some(silent()));
    let ready: Vec<(WorkQueueId,)> = tx.all(QUEUES_POLLED, &[&queues]).await?;
    let ready: Vec<WorkQueueId> = ready.into_iter().map(|(id,)| id).collect();
    if !ready.is_empty() {
        for queue in work_queues::named_of(&mut tx, &ready).await? {
            tx.tell(events::queue_status(&queue, Readiness::Ready));
        }
    }
    let deployments = mark_deployments(&mut tx, queues, &[]).await?;
    tx.commit().await?;
    Ok(BecameReady { queues: ready, deployments })
}

/// Marks the deployments of queues, and these; those that became ready are told of.
async fn mark_deployments(
    tx: &mut Tx<'_>,
    queues: &[WorkQueueId],
    deployments: &[DeploymentId],
) -> Result<Vec<DeploymentId>> {
    let ready: Vec<(DeploymentId,)> = tx.all(DEPLOYMENTS_POLLED, &[&queues, &deployments]).await?;
    let ready: Vec<DeploymentId> = ready.into_iter().map(|(id,)| id).collect();
    tell_of_deployments(tx, &ready, Readiness::Ready).await?;
    Ok(ready)
}

async fn tell_of_deployments(tx: &mut Tx<'_>, changed: &[DeploymentId], status: Readiness) -> Result<()> {
    if !changed.is_empty() {
        for deployment in deployments::named_of(tx, changed).await? {
            tx.tell(deployment_status(&deployment, status));
        }
    }
    Ok(())
}

/// When what is polled now has been silent for too long.
fn silent() -> Time {
    Time::from_micros(Time::of_machine().micros() + POLLED_SECONDS * 1_000_000)
}

/// Somebody polled these deployments.
pub async fn deployments_polled(mut tx: Tx<'_>, deployments: &[DeploymentId]) -> Result<BecameReady> {
    tx.falls_due(Some(silent()));
    let ready = mark_deployments(&mut tx, &[], deployments).await?;
    tx.commit().await?;
    Ok(BecameReady { queues: Vec::new(), deployments: ready })
}

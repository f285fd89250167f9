//! Which queues pick up the runs of a deployment: a question from before there were pools, when a queue had criteria.

use std::sync::LazyLock;

use domain::DeploymentId;
use domain::work_queues::WorkQueue;

use super::Slots;
use crate::sql::Columns;
use crate::{Result, Tx};

const TAGS: &str = "select d.tags from deployment d where d.id = $1";

/// Criteria that are absent, null or empty ask nothing, and a queue without any is not of this kind. There are few queues:
/// they are all looked at.
static ABLE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "select {} from work_queue q where q.filter is not null \
         and (coalesce(q.filter::jsonb -> 'tags', 'null') in ('null', '[]') or to_jsonb($2::text[]) @> (q.filter::jsonb -> 'tags')) \
         and (coalesce(q.filter::jsonb -> 'deployment_ids', 'null') in ('null', '[]') \
            or q.filter::jsonb -> 'deployment_ids' @> to_jsonb($3::text)) order by q.name, q.id",
        WorkQueue::COLUMNS
    )
});

/// The queues whose criteria a deployment meets; `None` where there is no such deployment.
pub async fn able_to_run(tx: &mut Tx<'_>, id: DeploymentId) -> Result<Option<Vec<WorkQueue>>> {
    let Some((tags,)) = tx.opt::<(Vec<String>,)>(TAGS, &[&id]).await? else { return Ok(None) };
    tx.all(ABLE.as_str(), &[&Slots::Alone.counts_cancelling(), &tags, &id.to_string()]).await.map(Some)
}

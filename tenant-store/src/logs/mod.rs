//! Log lines: stored many at once in one trip, read by run, by time or by text.

mod filter;

use std::time::Duration;

use domain::FlowRunId;
use domain::logs::Log;
use wire::Time;

use crate::sql::{Columns, Sql};
use crate::{Result, Tx, row};

pub use filter::{LogFilter, LogSort};

row! { Log: id "l.id", created "l.created", updated "l.created", name "l.name", level "l.level", message "l.message",
timestamp "l.timestamp", flow_run_id "l.flow_run_id", task_run_id "l.task_run_id" }

const CREATE: &str = "insert into log (id, created, name, level, message, timestamp, flow_run_id, task_run_id) \
    select * from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::integer[], $5::text[], $6::timestamptz[], $7::uuid[], $8::uuid[])";

/// Lines of a run behind one of them, in the order of the time they name. A line's place is its time and id, so a page
/// begins where the last one ended however many lines come in meanwhile.
const OF_RUN: &str = "select l.id, l.created, l.created, l.name, l.level, l.message, l.timestamp, l.flow_run_id, l.task_run_id \
    from log l where l.flow_run_id = $1 and (l.timestamp, l.id) > ($2, $3) order by l.timestamp, l.id limit $4";

/// The newest lines of a moment ago, those alone that were stored after another moment.
const OF_LATE: &str = "select l.id, l.created, l.created, l.name, l.level, l.message, l.timestamp, l.flow_run_id, l.task_run_id \
    from log l where l.timestamp >= clock_timestamp() - make_interval(secs => $1) and l.created >= $2 \
    order by l.timestamp desc limit $3";

/// Stores lines; all of them or none.
pub async fn create(tx: Tx<'_>, logs: &[Log]) -> Result<()> {
    let n = logs.len();
    let (mut ids, mut created, mut names, mut levels) =
        (Vec::with_capacity(n), Vec::with_capacity(n), Vec::with_capacity(n), Vec::with_capacity(n));
    let (mut messages, mut timestamps, mut flow_runs, mut task_runs) =
        (Vec::with_capacity(n), Vec::with_capacity(n), Vec::with_capacity(n), Vec::with_capacity(n));
    for log in logs {
        ids.push(log.id);
        created.push(log.created);
        names.push(log.name.as_str());
        levels.push(log.level);
        messages.push(log.message.as_str());
        timestamps.push(log.timestamp);
        flow_runs.push(log.flow_run_id);
        task_runs.push(log.task_run_id);
    }
    let params: [crate::pool::Param<'_>; 8] =
        [&ids, &created, &names, &levels, &messages, &timestamps, &flow_runs, &task_runs];
    tx.last_run(CREATE, &params).await.map(drop)
}

pub async fn list(
    tx: &mut Tx<'_>,
    filter: Option<&LogFilter>,
    sort: LogSort,
    limit: i64,
    offset: i64,
) -> Result<Vec<Log>> {
    let mut sql = Sql::new("select ");
    sql.push(Log::COLUMNS).push(" from log l where true");
    sql.and(filter).page(sort.sql(), limit, offset);
    tx.all_of(&sql).await
}

/// The next lines of a run, from the beginning or behind the line at `after`.
pub async fn of_run(
    tx: &mut Tx<'_>,
    run: FlowRunId,
    after: Option<(Time, domain::LogId)>,
    limit: i64,
) -> Result<Vec<Log>> {
    let (time, id) = after.unwrap_or((Time::MIN, domain::LogId(uuid::Uuid::nil())));
    tx.all(OF_RUN, &[&run, &time, &id, &limit]).await
}

/// Lines of the last while that were stored at or after a time, in the order of the time they name; the newest `limit`.
pub async fn of_late(tx: &mut Tx<'_>, back: Duration, stored: Time, limit: i64) -> Result<Vec<Log>> {
    let mut lines: Vec<Log> = tx.all(OF_LATE, &[&back.as_secs_f64(), &stored, &limit]).await?;
    lines.reverse();
    Ok(lines)
}

//! A task run as it is answered: the columns of one row of `task_run t`.

use domain::task_runs::{TaskRun, TaskRunResponse, UITaskRun};
use tokio_postgres::Row;

use crate::pool::FromRow;
use crate::row;

row! { TaskRun:
    id "t.id",
    created "t.created",
    updated "t.updated",
    name "t.name",
    flow_run_id "t.flow_run_id",
    task_key "t.task_key",
    dynamic_key "t.dynamic_key",
    cache_key "t.cache_key",
    cache_expiration "t.cache_expiration",
    task_version "t.task_version",
    empirical_policy "t.empirical_policy",
    tags "t.tags",
    labels "t.labels",
    state_id "t.state_id",
    task_inputs "t.task_inputs",
    state_type "t.state_type",
    state_name "t.state_name",
    run_count "t.run_count",
    flow_run_run_count "t.flow_run_run_count",
    expected_start_time "t.expected_start_time",
    next_scheduled_start_time "t.next_scheduled_start_time",
    start_time "t.start_time",
    end_time "t.end_time",
    total_run_time "t.total_run_time",
    estimated_run_time "case when t.state_type = 2 then t.total_run_time + date_part('epoch', now() - t.state_timestamp) else t.total_run_time end",
    estimated_start_time_delta "case when t.start_time > t.expected_start_time then date_part('epoch', t.start_time - t.expected_start_time) \
        when t.start_time is null and t.expected_start_time < now() and (t.state_type is null or t.state_type not in (3, 4, 5, 6)) \
        then date_part('epoch', now() - t.expected_start_time) else 0::float8 end",
    state "t.state",
}

impl FromRow for UITaskRun {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        // The name stands behind the columns of the run.
        Ok(Self { run: TaskRun::from_row(row)?, flow_run_name: row.try_get(row.len() - 1)? })
    }
}

row! { TaskRunResponse:
    id "t.id",
    created "t.created",
    updated "t.updated",
    name "t.name",
    flow_run_id "t.flow_run_id",
    task_key "t.task_key",
    state_id "t.state_id",
    state "t.state",
    task_version "t.task_version",
    task_inputs "t.task_inputs",
    empirical_policy "t.empirical_policy",
    tags "t.tags",
    start_time "t.start_time",
    end_time "t.end_time",
    total_run_time "t.total_run_time",
    estimated_run_time "case when t.state_type = 2 then t.total_run_time + date_part('epoch', now() - t.state_timestamp) else t.total_run_time end",
    estimated_start_time_delta "case when t.start_time > t.expected_start_time then date_part('epoch', t.start_time - t.expected_start_time) \
        when t.start_time is null and t.expected_start_time < now() and (t.state_type is null or t.state_type not in (3, 4, 5, 6)) \
        then date_part('epoch', now() - t.expected_start_time) else 0::float8 end",
}

//! A flow run as it is answered: the columns of one row of `flow_run r`, and nothing to join by whoever selects them.

use domain::flow_runs::{FlowRun, FlowRunInput};

use crate::row;

// Pool and queue are looked up by key, row by row: a join would be in the way of every filter and order. A queue that was
// deleted is none.
row! { FlowRun:
    id "r.id",
    created "r.created",
    updated "r.updated",
    name "r.name",
    flow_id "r.flow_id",
    state_id "r.state_id",
    deployment_id "r.deployment_id",
    deployment_version "r.deployment_version",
    work_queue_id "(select w.id from work_queue w where w.id = r.work_queue_id)",
    work_queue_name "coalesce((select w.name from work_queue w where w.id = r.work_queue_id), r.work_queue_name)",
    flow_version "r.flow_version",
    parameters "r.parameters",
    idempotency_key "r.idempotency_key",
    context "r.context",
    empirical_policy "r.empirical_policy",
    tags "r.tags",
    labels "r.labels",
    parent_task_run_id "r.parent_task_run_id",
    state_type "r.state_type",
    state_name "r.state_name",
    run_count "r.run_count",
    expected_start_time "r.expected_start_time",
    next_scheduled_start_time "r.next_scheduled_start_time",
    start_time "r.start_time",
    end_time "r.end_time",
    total_run_time "r.total_run_time",
    estimated_run_time "case when r.state_type = 2 then r.total_run_time + date_part('epoch', now() - r.state_timestamp) else r.total_run_time end",
    estimated_start_time_delta "case when r.start_time > r.expected_start_time then date_part('epoch', r.start_time - r.expected_start_time) \
        when r.start_time is null and r.expected_start_time < now() and (r.state_type is null or r.state_type not in (3, 4, 5, 6)) \
        then date_part('epoch', now() - r.expected_start_time) else 0::float8 end",
    auto_scheduled "r.auto_scheduled",
    infrastructure_document_id "r.infrastructure_document_id",
    infrastructure_pid "r.infrastructure_pid",
    created_by "r.created_by",
    work_pool_id "(select w.work_pool_id from work_queue w where w.id = r.work_queue_id)",
    work_pool_name "(select o.name from work_queue w join work_pool o on o.id = w.work_pool_id where w.id = r.work_queue_id)",
    state "r.state",
    job_variables "r.job_variables",
}

row! { FlowRunInput:
    id "i.id",
    created "i.created",
    updated "i.updated",
    flow_run_id "i.flow_run_id",
    key "i.key",
    value "i.value",
    sender "i.sender",
}

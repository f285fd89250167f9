//! Every operation of the program, by level: the one list that the router, the description and the tests read.

use std::sync::{Arc, OnceLock};

use crate::kit::{Op, Table, Tables};
use crate::{account, api, live};

/// The slices of a workspace.
fn workspace() -> Vec<&'static [Op]> {
    vec![
        api::admin::OPS,
        api::artifacts::OPS,
        api::block_documents::OPS,
        api::block_schemas::OPS,
        api::block_types::OPS,
        api::collections::OPS,
        api::concurrency_limits::OPS,
        api::concurrency_limits_v2::OPS,
        api::concurrency_limits_v2::slots::OPS,
        api::automations::OPS,
        api::deployments::OPS,
        api::deployments::deployment_lists::OPS,
        api::deployments::deployment_runs::OPS,
        api::events::OPS,
        api::flow_runs::OPS,
        api::flow_run_states::OPS,
        api::flow_runs::bulk::OPS,
        api::flow_runs::flow_run_lists::OPS,
        api::flow_runs::graphs::OPS,
        api::flow_runs::inputs::OPS,
        api::flow_runs::why::OPS,
        api::flows::OPS,
        live::OPS,
        api::logs::OPS,
        api::observed_states::OPS,
        api::root::WORKSPACE_OPS,
        api::saved_searches::OPS,
        api::schedules::OPS,
        api::task_run_states::OPS,
        api::task_runs::OPS,
        api::task_runs::task_run_lists::OPS,
        api::task_workers::OPS,
        api::ui_flow_runs::OPS,
        api::ui_flows::OPS,
        api::ui_schemas::OPS,
        api::ui_task_runs::OPS,
        api::variables::OPS,
        api::work_pools::OPS,
        api::work_pools::queues::OPS,
        api::work_pools::scheduled::OPS,
        api::work_pools::workers::OPS,
        api::work_queues::OPS,
    ]
}

pub fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| Tables {
        root: Arc::new(Table::new(
            &[vec![api::root::OPS, api::docs::OPS, api::collections::ROOT_OPS], account::of_root()].concat(),
        )),
        account: Arc::new(Table::new(&account::of_account())),
        workspace: Arc::new(Table::new(&[workspace(), account::of_workspace()].concat())),
    })
}

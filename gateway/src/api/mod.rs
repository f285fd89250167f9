//! The operations of a workspace, one slice a resource, and what stands at the root. No slice imports a sibling's handlers.

pub mod admin;
mod asks;
pub mod docs;
pub mod flow_run_states;
pub mod flow_runs;
pub mod flows;
pub mod logs;
pub mod observed_states;
pub mod root;
pub mod task_run_states;
pub mod task_runs;

use std::sync::{Arc, OnceLock};

use crate::account;
use crate::live;
use crate::edge::Tables;
use crate::kit::{Op, Table};

/// The slices of a workspace.
fn workspace() -> Vec<&'static [Op]> {
    vec![
        admin::OPS,
        flow_runs::OPS,
        flow_run_states::OPS,
        flow_runs::bulk::OPS,
        flow_runs::flow_run_lists::OPS,
        flow_runs::graphs::OPS,
        flow_runs::inputs::OPS,
        flows::OPS,
        live::OPS,
        logs::OPS,
        observed_states::OPS,
        root::WORKSPACE_OPS,
        task_run_states::OPS,
        task_runs::OPS,
        task_runs::task_run_lists::OPS,
    ]
}

/// Every operation of the program, by level.
pub fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| Tables {
        root: Arc::new(Table::new(&[vec![root::OPS, docs::OPS], account::of_root()].concat())),
        account: Arc::new(Table::new(&account::of_account())),
        workspace: Arc::new(Table::new(&[workspace(), account::of_workspace()].concat())),
    })
}

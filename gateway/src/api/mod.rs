//! The operations of a workspace, one slice a resource, and what stands at the root. No slice imports a sibling's handlers.

pub mod admin;
pub mod docs;
pub mod flows;
pub mod root;

use std::sync::{Arc, OnceLock};

use crate::account;
use crate::edge::Tables;
use crate::kit::{Op, Table};

/// The slices of a workspace.
fn workspace() -> Vec<&'static [Op]> {
    vec![admin::OPS, flows::OPS, root::WORKSPACE_OPS]
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

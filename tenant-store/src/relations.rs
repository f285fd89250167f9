//! How resources hang together, written once: what a filter on one means in a query for another.
//!
//! Aliases are the same everywhere: `f` flow, `r` flow_run, `t` task_run, `d` deployment, `p` work_pool, `q` work_queue.

use crate::flows::FlowFilter;
use crate::sql::Sql;

/// The filters of one request; each narrows the result through the relations between the resources.
#[derive(Debug, Clone, Default)]
pub struct Filters {
    pub flows: Option<FlowFilter>,
}

impl Filters {
    /// Narrows a query for flows (`f`).
    pub fn of_flows<'a>(&'a self, sql: &mut Sql<'a>) {
        sql.and(self.flows.as_ref());
    }
}

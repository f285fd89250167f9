//! Filters for related resources. What a filter for a run says of artifacts tells of the run: who asks must be allowed to see
//! every resource that a filter is about, not only those that are listed.

use domain::access::ScopeName;
use tenant_store::relations::Filters;

use crate::kit::{Call, Reply};

/// The filters, where their caller sees what each is about; else 403 with the scope that lacks.
pub fn related(cx: &Call, filters: Filters) -> Reply<Filters> {
    for scope in needed(&filters) {
        cx.needs_too(scope, "for one of the filters")?;
    }
    Ok(filters)
}

fn needed(filters: &Filters) -> impl Iterator<Item = ScopeName> + use<> {
    let runs = filters.flows.is_some() || filters.flow_runs.is_some() || filters.task_runs.is_some();
    let needed = [
        (runs, ScopeName::SeeFlows),
        (filters.deployments.is_some(), ScopeName::SeeDeployments),
        (filters.work_pools.is_some(), ScopeName::SeeWorkPools),
        (filters.work_queues.is_some(), ScopeName::SeeWorkQueues),
    ];
    needed.into_iter().filter_map(|(asked, scope)| asked.then_some(scope))
}

//! A filter for a related resource tells of that resource: it is for those who may see it.

use serde_json::json;
use tests::Tenant;

/// A list, and a filter in it for a resource that another scope is for.
const ASKED: [(&str, &str, &str, &str); 11] = [
    ("see_artifacts", "/artifacts/filter", "flows", "see_flows"),
    ("see_artifacts", "/artifacts/count", "flow_runs", "see_flows"),
    ("see_artifacts", "/artifacts/latest/filter", "task_runs", "see_flows"),
    ("see_artifacts", "/artifacts/latest/count", "deployments", "see_deployments"),
    ("see_flows", "/flows/filter", "deployments", "see_deployments"),
    ("see_flows", "/flow_runs/count", "work_pool_queues", "see_work_queues"),
    ("see_flows", "/flow_runs/filter", "work_pools", "see_work_pools"),
    ("see_flows", "/task_runs/filter", "deployments", "see_deployments"),
    ("see_deployments", "/deployments/filter", "flows", "see_flows"),
    ("see_flows", "/ui/flow_runs/history", "work_pools", "see_work_pools"),
    ("see_flows", "/ui/task_runs/count", "deployments", "see_deployments"),
];

#[test]
fn a_filter_is_for_those_who_see_what_it_is_about() {
    let tenant = Tenant::fresh();
    for (own, path, filter, lacks) in ASKED {
        let role = |scopes: &[&str]| {
            let name = format!("{path} {filter} {}", scopes.len());
            tenant.account.api().post("/workspace_roles/", &json!({"name": name, "scopes": scopes})).expect(201);
            tenant.with_key(&tenant.bot(&name).key).api()
        };
        let asked = json!({filter: {}});
        let (one, both) = (role(&[own]), role(&[own, lacks]));
        assert_eq!(one.post(path, &json!({})).status, 200, "{path}");
        let refused = one.post(path, &asked);
        assert_eq!(refused.status, 403, "{path} {filter}: {}", refused.body);
        assert!(refused.body["detail"].as_str().is_some_and(|why| why.contains(lacks)), "{}", refused.body);
        assert_eq!(both.post(path, &asked).status, 200, "{path} {filter}");
    }
}

//! What an account may ask, set as an operator sets it.

use crate::server::Server;
use crate::tenant::Account;
use crate::wait::eventually;

/// Puts an account on a plan of its own and returns when the server knows: `limits` as `admin plans set` takes them.
pub fn put_on_plan(server: &Server, account: &Account, limits: &[&str]) {
    let mut set = vec!["plans", "set", &account.handle];
    set.extend_from_slice(limits);
    let plan = server.admin(&set);
    server.admin(&["accounts", "set-plan", &account.handle, &account.handle]);
    eventually("the plan counts", || {
        let usage = account.api().get("/rate-limits/usage").expect(200);
        let allowed = |bucket: &str| usage["keys"][bucket]["limit"][0].clone();
        let found = [allowed("orchestration-api"), allowed("logs-and-events")];
        if found == [plan["requests"].clone(), plan["items"].clone()] { Ok(()) } else { Err(format!("{found:?}")) }
    });
}

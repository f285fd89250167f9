//! How much of one workspace is in work at once.

use std::time::{Duration, Instant};

use tests::{Held, Server, Tenant};

use crate::{assert_is_refusal, list, read};

#[test]
fn one_too_many_of_a_workspace_is_refused_after_a_while_and_its_neighbour_is_served() {
    let server = Server::builder().env("PREFECTURE_WORKSPACE_REQUESTS", "1").start();
    let (tenant, neighbour) = (Tenant::on(&server), Tenant::on(&server));
    assert_eq!(list(&tenant.api()).status, 200);
    let schema = server
        .database()
        .sql(&format!("select schema_name from control.workspace where id = '{}'", tenant.workspace_id));
    let held = Held::table(server.database(), &format!("\"{schema}\".flow"));
    std::thread::scope(|scope| {
        let in_work = scope.spawn(|| list(&tenant.api()));
        held.until_waiting(1);
        let begun = Instant::now();
        assert_is_refusal(&read(&tenant.api()), "requests-in-work");
        assert!(begun.elapsed() >= Duration::from_secs(1), "told at once, it would ask again at once");
        assert_eq!(list(&neighbour.api()).status, 200);
        drop(held);
        assert_eq!(in_work.join().expect("an answer").status, 200);
    });
    assert_eq!(list(&tenant.api()).status, 200, "its place is free again");
}

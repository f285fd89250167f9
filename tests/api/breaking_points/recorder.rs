//! PrefectHQ/prefect 21716, 21587, 18753.

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde_json::{Value, json};
use tests::{Incoming, Server, Tenant, truth};
use uuid::Uuid;

const RUNS: usize = 60;
const STATES: [(&str, &str); 4] =
    [("PENDING", "Pending"), ("RUNNING", "Running"), ("RUNNING", "Still running"), ("COMPLETED", "Completed")];
/// Events between two confirmations.
const AT_ONCE: usize = 16;

/// What a task of a flow run tells, as the SDK does.
pub fn events_of(flow_run: &str, run: Uuid) -> Vec<Value> {
    let event = |nth: usize| {
        let (kind, name) = STATES[nth];
        json!({
            "occurred": format!("2024-03-01T00:00:0{nth}Z"), "event": format!("prefect.task-run.{name}"), "id": Uuid::new_v4(),
            "resource": {"prefect.resource.id": format!("prefect.task-run.{run}"), "prefect.orchestration": "client"},
            "related": [{"prefect.resource.id": format!("prefect.flow-run.{flow_run}"), "prefect.resource.role": "flow-run"}],
            "payload": {
                "validated_state": {"type": kind, "name": name, "message": "", "state_details": {}, "data": null},
                "task_run": {
                    "name": "work", "task_key": "work", "dynamic_key": run, "run_count": nth,
                    "expected_start_time": "2024-03-01T00:00:00Z",
                },
            },
        })
    };
    (0..STATES.len()).map(event).collect()
}

/// Sends events and returns when all of them are confirmed.
pub fn tell(tenant: &Tenant, events: &[Value]) {
    let mut socket = tenant.socket("/events/in");
    assert!(matches!(socket.authenticate(Some(&tenant.key)), Incoming::Json(said) if said["type"] == "auth_success"));
    for some in events.chunks(AT_ONCE) {
        some.iter().for_each(|event| socket.send(event));
        socket.ping(b"confirm");
        assert_eq!(socket.receive(), Incoming::Pong(b"confirm".to_vec()));
    }
    socket.close();
}

/// Each replica is told everything, in an order of its own, at the same time.
#[test]
fn three_replicas_take_in_the_same_runs_and_none_is_in_the_way() {
    let first = Server::builder().start();
    let replicas = [(); 2].map(|()| Server::builder().database(first.database()).start());
    let tenant = Tenant::on(&first);
    let flow_run = Uuid::new_v4().to_string();
    let all: Vec<Value> = (0..RUNS).flat_map(|_| events_of(&flow_run, Uuid::new_v4())).collect();
    std::thread::scope(|scope| {
        for (seed, replica) in replicas.iter().chain([&first]).enumerate() {
            let (tenant, mut events) = (tenant.at(replica), all.clone());
            events.shuffle(&mut StdRng::seed_from_u64(seed as u64));
            scope.spawn(move || tell(&tenant, &events));
        }
    });
    let schema = truth::schema_of(&first, &tenant);
    let sql = format!(
        "select (select count(*) from {schema}.event), (select count(distinct id) from {schema}.event),
            (select count(*) from {schema}.task_run where state_type = 3 and state_name = 'Completed'),
            (select count(*) from {schema}.task_run), (select count(*) from {schema}.run_state),
            (select count(*) from {schema}.quarantine),
            (select deadlocks from pg_stat_database where datname = current_database())"
    );
    let (runs, events) = (RUNS, RUNS * STATES.len());
    assert_eq!(first.database().sql(&sql), format!("{events}|{events}|{runs}|{runs}|{events}|0|0"));
}

//! Rows that belong together are all there or none of them.

use tests::Database;

/// What is half written in a schema.
pub fn halves(database: &Database, schema: &str) -> Vec<String> {
    let rules = [
        (
            "a run without the state it is in",
            "select r.id from {s}.flow_run r left join {s}.run_state s on s.id = r.state_id where r.state_id is not null and s.id is null",
        ),
        ("a run without a state", "select id from {s}.flow_run where state_id is null"),
        (
            "a state without its run",
            "select s.id from {s}.run_state s left join {s}.flow_run r on r.id = s.run_id where s.kind = 0 and r.id is null",
        ),
        (
            "a state without its event",
            "select s.id from {s}.run_state s left join {s}.event e on e.id = s.id where s.kind = 0 and e.id is null",
        ),
        (
            "a state's event without its state",
            "select e.id from {s}.event e left join {s}.run_state s on s.id = e.id where e.event like 'prefect.flow-run.%' and s.id is null",
        ),
        ("an event twice", "select id from {s}.event group by 1 having count(*) > 1"),
        (
            "a run that is not in its latest state",
            "select r.id from {s}.flow_run r join {s}.run_state s on s.run_id = r.id and s.timestamp > r.state_timestamp",
        ),
        (
            "a run counted wrongly",
            "select r.id from {s}.flow_run r where run_count <> (select count(*) from {s}.run_state s where s.run_id = r.id and s.state ->> 'type' = 'RUNNING')",
        ),
        (
            "a task run without the state it is in",
            "select r.id from {s}.task_run r left join {s}.run_state s on s.id = r.state_id where r.state_id is not null and s.id is null",
        ),
        (
            "half a batch of log lines",
            "select substr(message, 1, 41) from {s}.log where message like 'line-%' group by 1 having count(*) <> 5",
        ),
    ];
    let mut findings = Vec::new();
    for (what, sql) in rules {
        let found = database.sql(&sql.replace("{s}", schema));
        findings.extend(found.lines().map(|id| format!("{what}: {id}")));
    }
    findings
}

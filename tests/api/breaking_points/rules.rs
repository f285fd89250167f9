//! PrefectHQ/prefect 18861.

use serde_json::json;
use tests::{Server, Tenant, eventually, truth};

const RULES: u32 = 1000;

/// Seconds of the processor that a process has used.
fn cpu(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    // Behind the name, which may hold spaces: user and system time are the 12th and 13th, in hundredths of a second.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |nth: usize| fields[nth].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / 100.0
}

/// Each rule is due every hour. What a look at all of them costs, times the part of them that is looked at in the busiest
/// minute.
#[test]
fn a_thousand_recurrence_rules_cost_less_than_a_second_a_minute() {
    let server = Server::builder().start();
    let tenant = Tenant::on(&server);
    let api = tenant.api();
    let flow = api.post("/flows/", &json!({"name": "f"})).expect(201);
    let schedule = json!([{"schedule": {"rrule": "FREQ=HOURLY;BYMINUTE=0"}, "active": false}]);
    api.post("/deployments/", &json!({"name": "0", "flow_id": flow["id"], "schedules": schedule})).expect(201);
    let schema = truth::schema_of(&server, &tenant);
    let sql = |text: &str| server.database().sql(&text.replace("{s}", &schema));
    let number = |text: &str| sql(text).parse::<u32>().unwrap_or_else(|why| panic!("{text}: {why}"));
    sql(&format!(
        "insert into {{s}}.deployment select (jsonb_populate_record(d, jsonb_build_object('id', gen_random_uuid(), 'name', n))).*
            from {{s}}.deployment d, generate_series(1, {RULES}) n;
         insert into {{s}}.deployment_schedule select (jsonb_populate_record(s, jsonb_build_object('id', gen_random_uuid(),
            'deployment_id', d.id, 'active', true,
            'schedule', s.schedule::jsonb || jsonb_build_object('rrule', 'FREQ=HOURLY;BYMINUTE=' || d.name::int % 60)))).*
            from {{s}}.deployment_schedule s, {{s}}.deployment d where d.name <> '0'"
    ));
    let before = cpu(server.pid());
    sql(
        "insert into {s}.schedule_pass (schedule_id, next_pass_at) select id, now() from {s}.deployment_schedule where active",
    );
    sql(&format!("update cell.tick set due = now() where workspace_id = '{}'", tenant.workspace_id));
    eventually("all have been looked at", || {
        match number("select count(*) from {s}.schedule_pass where next_pass_at <= now()") {
            0 => Ok(()),
            left => Err(left),
        }
    });
    let cost = cpu(server.pid()) - before;
    assert_eq!(number("select count(*) from {s}.schedule_pass"), RULES);
    assert!(number("select count(*) from {s}.flow_run where schedule_id is not null") >= 3 * RULES);
    // At their next look all have about as many runs to make as have begun by then.
    let busiest = number(
        "select max(count) from (select count(*) from {s}.schedule_pass group by date_trunc('minute', next_pass_at)) x",
    );
    let a_minute = cost * f64::from(busiest) / f64::from(RULES);
    eprintln!("{cost:.2} s for all, {busiest} in the busiest minute: {a_minute:.3} s");
    assert!(a_minute < 1.0, "{cost} s for all of them, {busiest} in the busiest minute: {a_minute} s");
}

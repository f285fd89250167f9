//! Schedules and the runs they make ahead: at once, once whatever the number of replicas, and gone with what changes.

use serde_json::{Value, json};
use tests::{Api, Cluster, Server, Tenant, eventually, truth};

/// A deployment with these schedules, and its runs.
struct Scheduled {
    api: Api,
    deployment: String,
}

impl Scheduled {
    fn new(api: Api, schedules: Value) -> Self {
        let flow = api.post("/flows/", &json!({ "name": "scheduled" })).expect(201);
        let body = json!({ "name": "d", "flow_id": flow["id"], "schedules": schedules, "tags": ["t"], "parameters": { "a": 1 },
            "enforce_parameter_schema": false });
        let made = api.post("/deployments/", &body).expect(201);
        Self { api, deployment: made["id"].as_str().expect("an id").to_owned() }
    }

    fn path(&self, rest: &str) -> String {
        format!("/deployments/{}{rest}", self.deployment)
    }

    fn runs(&self) -> Vec<Value> {
        let filter = json!({ "flow_runs": { "deployment_id": { "any_": [self.deployment] } }, "sort": "EXPECTED_START_TIME_ASC" });
        self.api.post("/flow_runs/filter", &filter).expect(200).as_array().expect("a list").clone()
    }

    /// Waits for so many runs.
    fn expect_runs(&self, number: usize) -> Vec<Value> {
        eventually("runs are made ahead", || {
            let runs = self.runs();
            if runs.len() == number { Ok(runs) } else { Err(runs.len()) }
        })
    }

    fn schedule(&self) -> String {
        let list = self.api.get(&self.path("/schedules")).expect(200);
        list[0]["id"].as_str().expect("a schedule").to_owned()
    }
}

fn daily() -> Value {
    json!([{ "schedule": { "cron": "0 0 * * *" }, "slug": "daily", "parameters": { "b": 2 } }])
}

#[test]
fn a_new_deployment_is_scheduled_at_once() {
    let scheduled = Scheduled::new(Tenant::fresh().api(), daily());
    let runs = scheduled.expect_runs(3);
    let schedule = scheduled.schedule();
    for run in &runs {
        assert_eq!(run["state_name"], "Scheduled");
        assert_eq!(run["auto_scheduled"], true);
        assert_eq!(run["tags"], json!(["auto-scheduled", "t"]));
        assert_eq!(run["parameters"], json!({ "a": 1, "b": 2 }));
        assert_eq!(run["created_by"], json!({ "id": schedule, "type": "SCHEDULE", "display_value": "daily" }));
        assert_eq!(run["state"]["message"], "Flow run scheduled");
        assert_eq!(run["state"]["state_details"]["scheduled_time"], run["expected_start_time"]);
        let date = run["expected_start_time"].as_str().expect("a time").replace('T', " ").replace('Z', "+00:00");
        let key = format!("scheduled {} {schedule} {date}", scheduled.deployment);
        assert_eq!(run["idempotency_key"], json!(key));
    }
}

#[test]
fn a_change_of_the_schedule_makes_its_runs_anew() {
    let scheduled = Scheduled::new(Tenant::fresh().api(), daily());
    let before = scheduled.expect_runs(3);
    let path = scheduled.path(&format!("/schedules/{}", scheduled.schedule()));
    scheduled.api.patch(&path, &json!({ "schedule": { "cron": "0 12 * * *" } })).expect(204);
    let after = eventually("the new dates", || {
        let runs = scheduled.runs();
        let noon = |run: &Value| run["expected_start_time"].as_str().is_some_and(|time| time.contains("T12:00:00"));
        if runs.len() == 3 && runs.iter().all(noon) { Ok(runs) } else { Err(runs) }
    });
    assert!(after.iter().all(|run| before.iter().all(|old| old["id"] != run["id"])));

    scheduled.api.patch(&path, &json!({ "active": false })).expect(204);
    assert_eq!(scheduled.runs().len(), 0);
    scheduled.api.patch(&path, &json!({ "active": true })).expect(204);
    scheduled.expect_runs(3);
    scheduled.api.delete(&path).expect(204);
    assert_eq!(scheduled.runs().len(), 0);
}

#[test]
fn a_paused_deployment_has_no_runs_ahead_and_one_that_goes_on_has() {
    let scheduled = Scheduled::new(Tenant::fresh().api(), daily());
    scheduled.expect_runs(3);
    scheduled.api.post(&scheduled.path("/pause_deployment"), &json!({})).expect(200);
    assert_eq!(scheduled.runs().len(), 0);
    // Runs that somebody asks for are made all the same.
    scheduled.api.post(&scheduled.path("/schedule"), &json!({ "min_runs": 2 })).expect(200);
    assert_eq!(scheduled.runs().len(), 2);
    scheduled.api.post(&scheduled.path("/resume_deployment"), &json!({})).expect(200);
    scheduled.expect_runs(3);
}

/// Nothing of it is honest: it excludes every date that it says.
const ENDLESS: &str = "DTSTART:20200101T000000\nRRULE:FREQ=SECONDLY\nEXRULE:FREQ=SECONDLY";

#[test]
fn a_schedule_that_cannot_be_counted_is_refused() {
    let api = Tenant::fresh().api();
    let flow = api.post("/flows/", &json!({ "name": "endless" })).expect(201);
    let with = |rrule: &str| json!([{ "schedule": { "rrule": rrule } }]);
    let body = |rrule: &str| json!({ "name": "d", "flow_id": flow["id"], "schedules": with(rrule) });
    let refused = |told: Value| {
        let told = told.to_string();
        assert!(told.contains("A schedule cannot be used: its dates take too many steps to count"), "{told}");
    };
    refused(api.post("/deployments/", &body(ENDLESS)).expect(422));
    let made = api.post("/deployments/", &body("FREQ=SECONDLY;COUNT=2000000000")).expect(201);
    let path = format!("/deployments/{}", made["id"].as_str().expect("an id"));
    refused(api.patch(&path, &json!({ "schedules": with(ENDLESS) })).expect(422));
    refused(api.post(&format!("{path}/schedules"), &with(ENDLESS)).expect(422));
    let schedule = api.get(&format!("{path}/schedules")).expect(200)[0]["id"].as_str().expect("an id").to_owned();
    refused(api.patch(&format!("{path}/schedules/{schedule}"), &with(ENDLESS)[0]).expect(422));
}

#[test]
fn one_that_is_there_keeps_no_other_from_its_runs() {
    let server = Server::builder().start();
    let tenant = Tenant::on(&server);
    let schema = truth::schema_of(&server, &tenant);
    let sql = |text: &str| server.database().sql(&text.replace("{s}", &schema));
    // A hundred of them, from before there was a bound.
    let paused = json!([{ "schedule": { "rrule": "FREQ=DAILY" }, "active": false }]);
    let endless = Scheduled::new(tenant.api(), paused);
    sql(&format!(
        "insert into {{s}}.deployment_schedule select (jsonb_populate_record(s, jsonb_build_object('id', gen_random_uuid(),
            'active', true, 'schedule', s.schedule::jsonb || jsonb_build_object('rrule', E'{}')))).*
            from {{s}}.deployment_schedule s, generate_series(1, 100);
         insert into {{s}}.schedule_pass (schedule_id, next_pass_at) select id, now() - interval '1 hour'
            from {{s}}.deployment_schedule where active",
        ENDLESS.replace('\n', "\\n")
    ));
    let flow = tenant.api().post("/flows/", &json!({ "name": "honest" })).expect(201);
    let body = json!({ "name": "d", "flow_id": flow["id"], "schedules": daily() });
    let made = tenant.api().post("/deployments/", &body).expect(201);
    let honest = Scheduled { api: tenant.api(), deployment: made["id"].as_str().expect("an id").to_owned() };
    honest.expect_runs(3);
    eventually("each was looked at", || {
        match sql("select count(*) from {s}.schedule_pass where next_pass_at <= now()").as_str() {
            "0" => Ok(()),
            left => Err(left.to_owned()),
        }
    });
    assert!(endless.runs().is_empty());
    let told = endless.api.post(&endless.path("/schedule"), &json!({})).expect(422).to_string();
    assert!(told.contains("its dates take too many steps to count"), "{told}");
}

#[test]
fn several_replicas_make_each_run_once() {
    let database = Cluster::shared().database();
    let replicas: Vec<Server> = (0..3).map(|_| Server::builder().database(&database).start()).collect();
    let tenant = Tenant::on(&replicas[0]);
    let often = json!([{ "schedule": { "interval": 60, "anchor_date": "2024-01-01T00:00:00Z" } }]);
    let all: Vec<Scheduled> = replicas
        .iter()
        .map(|replica| tenant.at(replica).api())
        .enumerate()
        .map(|(n, api)| {
            let flow = api.post("/flows/", &json!({ "name": format!("flow-{n}") })).expect(201);
            let body = json!({ "name": "d", "flow_id": flow["id"], "schedules": often });
            let made = api.post("/deployments/", &body).expect(201);
            Scheduled { api, deployment: made["id"].as_str().expect("an id").to_owned() }
        })
        .collect();
    for scheduled in &all {
        eventually("an hour of runs", || {
            let runs = scheduled.runs();
            if runs.len() >= 60 { Ok(()) } else { Err(runs.len()) }
        });
        // Asked for again by each replica at once, no date has a second run.
        std::thread::scope(|scope| {
            for other in &all {
                scope.spawn(|| other.api.post(&scheduled.path("/schedule"), &json!({})).expect(200));
            }
        });
        let mut times: Vec<String> =
            scheduled.runs().iter().map(|run| run["expected_start_time"].to_string()).collect();
        let number = times.len();
        times.sort();
        times.dedup();
        assert_eq!(times.len(), number, "two runs of one date");
    }
}

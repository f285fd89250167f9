//! A workspace in which a service has something to do.

use std::sync::atomic::AtomicBool;

use serde_json::{Value, json};
use tests::{Api, Database, Tenant, truth};

use super::ground::Ground;
use crate::whole::halves;

/// A service, and what there is to see of it. In SQL, `{s}` is the workspace's schema and `{rounds}` how often there was
/// something to do.
pub struct Service {
    pub name: &'static str,
    /// The pass that does it, by its name in the metrics.
    pub pass: &'static str,
    /// Once.
    pub set_up: fn(&Scene),
    /// Leaves it something to do, due now.
    pub lay: fn(&Scene),
    /// What others do all the while, until told to stop.
    pub meanwhile: Option<fn(&Scene, &AtomicBool)>,
    /// Counts what is not done yet.
    pub left: &'static str,
    /// What is wrong where these find something.
    pub wrong: &'static [(&'static str, &'static str)],
    /// Runs, states and events stay together; not where old ones go.
    pub whole: bool,
}

pub struct Scene {
    pub tenant: Tenant,
    pub round: usize,
    schema: String,
    database: Database,
    flow: String,
}

impl Scene {
    pub fn on(ground: &Ground) -> Scene {
        let tenant = Tenant::on(&ground.serving);
        let schema = truth::schema_of(&ground.serving, &tenant);
        let flow = id(&tenant.api().post("/flows/", &json!({"name": "f"})).expect(201));
        Scene { tenant, round: 0, schema, database: ground.database.clone(), flow }
    }

    pub fn schema(&self) -> &str {
        &self.schema
    }

    pub fn flow(&self) -> &str {
        &self.flow
    }

    pub fn api(&self) -> Api {
        self.tenant.api()
    }

    pub fn sql(&self, text: &str) -> String {
        self.database.sql(&text.replace("{s}", &self.schema).replace("{rounds}", &self.round.to_string()))
    }

    /// A flow run.
    pub fn run(&self, more: Value) -> String {
        let mut body = json!({"flow_id": self.flow});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        id(&self.api().post("/flow_runs/", &body).expect(201))
    }

    pub fn enters(&self, run: &str, state: Value) {
        let answer = self.api().post(&format!("/flow_runs/{run}/set_state"), &json!({"state": state})).expect(201);
        assert_eq!(answer["status"], "ACCEPT", "{answer}");
    }

    pub fn left(&self, service: &Service) -> usize {
        self.sql(service.left).parse().expect("a count")
    }

    pub fn findings(&self, service: &Service) -> Vec<String> {
        let mut findings = if service.whole { halves(&self.database, &self.schema) } else { Vec::new() };
        for (what, sql) in service.wrong {
            findings.extend(self.sql(sql).lines().map(|found| format!("{what}: {found}")));
        }
        findings
    }

    /// As if a time had come: what was made due by hand is looked at now. Hinted too, as by whoever makes something due: a
    /// look that was under way before says when it wants the next one, and must not have the last word.
    pub fn is_due(&self) {
        self.tick("update cell.tick set due = now(), hinted = now()");
    }

    pub fn claimed(&self) -> bool {
        self.tick("select count(*) from cell.tick where claimed_by is not null") != "0"
    }

    /// As if a lease had gone by since the holder of the claim was heard last.
    pub fn claim_ends(&self) {
        let held =
            self.tick("select claimed_until - now() from cell.tick where claimed_until > now() + interval '11 s'");
        assert_eq!(held, "", "nobody else would look at the workspace for a long time");
        self.tick("update cell.tick set claimed_until = now(), due = now()");
    }

    /// As if the time had gone by after which somebody looks again, which is half a minute at most when a pass failed.
    pub fn hurry(&self) {
        let soon = "select count(*) from cell.tick where (claimed_until > now() or least(due, hinted) < now() + interval '31 s')";
        let row = self.tick("select now(), t from cell.tick t");
        assert_eq!(self.tick(soon), "1", "something is left, and nobody would look at it soon: {row}");
        self.tick("update cell.tick set due = now() where claimed_until <= now()");
    }

    fn tick(&self, sql: &str) -> String {
        let joined = if sql.contains(" where ") { "and" } else { "where" };
        self.sql(&format!("{sql} {joined} workspace_id = '{}'", self.tenant.workspace_id))
    }
}

pub fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("no id in {value}")).to_owned()
}

/// So many seconds from now, as some clients write it: a Unix time.
pub fn at(seconds: f64) -> Value {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("it is later than 1970");
    json!(now.as_secs_f64() + seconds)
}

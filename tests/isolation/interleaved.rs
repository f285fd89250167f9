//! Many tenants on two connections: what one writes, only that one reads, also while a workspace and its role are dropped
//! under its requests.
//!
//! A thousand rounds; in each, two or three tenants do a few things at once, chosen by a seed that a failure names. Every
//! row and every tag that a tenant writes carries its mark, so a row that strays is known by it wherever it turns up.

use std::collections::BTreeSet;
use std::sync::Barrier;

use serde_json::{Value, json};
use tests::{Account, Answer, Server, Tenant, truth};

use crate::attack::none;

const ROUNDS: u64 = 1000;
/// Every so many rounds the third tenant is deleted under its requests, and the next one takes its place.
const DELETED_EVERY: u64 = 25;
const THINGS_A_ROUND: u64 = 3;

/// Small, seeded, good enough to choose with (xorshift64*).
struct Chance(u64);

impl Chance {
    fn of(seed: u64) -> Chance {
        Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }
}

/// A tenant, its mark, and what it was told is there.
struct Party {
    tenant: Tenant,
    mark: String,
    flows: BTreeSet<String>,
    runs: BTreeSet<String>,
    /// How often the workspace was not there any more.
    gone: usize,
    /// Of parties that may end under their requests, 404 and 503 are right answers too.
    mortal: bool,
}

impl Party {
    fn new(tenant: Tenant, mortal: bool) -> Party {
        let mark = format!("mark{}", uuid::Uuid::new_v4().simple());
        Party { tenant, mark, flows: BTreeSet::new(), runs: BTreeSet::new(), gone: 0, mortal }
    }

    /// One thing, and what was wrong with the answer.
    fn act(&mut self, chance: &mut Chance, others: &[String]) -> Option<String> {
        let (api, mark) = (self.tenant.api(), self.mark.clone());
        let any = |set: &BTreeSet<String>, at: u64| set.iter().nth(at as usize % set.len().max(1)).cloned();
        let (flow, run) = (any(&self.flows, chance.below(1 << 20)), any(&self.runs, chance.below(1 << 20)));
        let nth = chance.below(1 << 40);
        let (what, answer) = match (chance.below(15), flow, run) {
            (0 | 1, ..) | (_, None, _) => {
                let answer = api.post("/flows/", &json!({"name": format!("{mark}-{nth}"), "tags": [mark]}));
                self.flows.extend(made(&answer));
                ("create a flow", answer)
            }
            (2 | 3, Some(flow), _) => {
                let body = json!({"flow_id": flow, "name": format!("{mark}-{nth}"), "tags": [mark], "state": {"type": "PENDING"}});
                let answer = api.post("/flow_runs/", &body);
                self.runs.extend(made(&answer));
                ("create a run", answer)
            }
            (4, _, Some(run)) => {
                let state = json!({"type": "RUNNING", "name": mark, "message": mark});
                (
                    "set a state",
                    api.post(&format!("/flow_runs/{run}/set_state"), &json!({"state": state, "force": true})),
                )
            }
            (5, _, Some(run)) => {
                ("change a run", api.patch(&format!("/flow_runs/{run}"), &json!({"tags": [mark, "changed"]})))
            }
            (6, _, Some(run)) => ("read a run", api.get(&format!("/flow_runs/{run}"))),
            (7, Some(flow), _) => ("read a flow", api.get(&format!("/flows/{flow}"))),
            (8, ..) => ("list flows", api.post("/flows/filter", &json!({"limit": 200}))),
            (9, ..) => ("list runs", api.post("/flow_runs/filter", &json!({"limit": 200, "sort": "ID_DESC"}))),
            (10, _, Some(run)) => {
                let line = json!({"name": mark, "level": 20, "message": format!("{mark}-{nth}"),
                                  "timestamp": "2030-01-01T00:00:00Z", "flow_run_id": run});
                ("write a line", api.post("/logs/", &json!([line])))
            }
            (11, ..) => ("list lines", api.post("/logs/filter", &json!({"limit": 200, "sort": "TIMESTAMP_DESC"}))),
            (12, ..) => {
                let event = json!({"id": uuid::Uuid::new_v4(), "event": mark, "occurred": "2030-01-01T00:00:00Z",
                                   "resource": {"prefect.resource.id": mark}});
                ("send an event", api.post("/events", &json!([event])))
            }
            (13, _, Some(run)) => ("read states", api.get(&format!("/flow_run_states/?flow_run_id={run}"))),
            _ => {
                // Reaching for another's object: there is none.
                let id = &others[nth as usize % others.len()];
                let read = api.get(&format!("/flows/{id}"));
                let changed = api.patch(&format!("/flows/{id}"), &json!({"tags": [mark]}));
                return [read, changed]
                    .into_iter()
                    .find(|answer| answer.status != 404 && !self.may_fail(answer))
                    .map(|answer| format!("{mark} reached {id} of another: {} {}", answer.status, answer.body));
            }
        };
        self.gone += usize::from(answer.body["detail"] == "Workspace not found");
        if !(200..300).contains(&answer.status) && !self.may_fail(&answer) {
            return Some(format!("{mark}: {what} is answered {} {}", answer.status, answer.body));
        }
        let text = String::from_utf8_lossy(&answer.bytes);
        let strange = marks(&text).find(|found| *found != mark);
        strange.map(|found| format!("{mark}: {what} is answered with {found}'s rows: {text}"))
    }

    fn may_fail(&self, answer: &Answer) -> bool {
        self.mortal && matches!(answer.status, 404 | 503)
    }
}

fn made(answer: &Answer) -> Option<String> {
    (answer.status == 201).then(|| answer.body["id"].as_str().map(str::to_owned)).flatten()
}

fn marks(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("mark").filter_map(|(at, _)| text.get(at..at + 36))
}

#[test]
fn tenants_on_two_connections_never_meet() {
    let server = Server::builder().env("PREFECTURE_POOL_SIZE", "2").start();
    let second = Account::create(&server);
    let mut parties = [Tenant::on(&server), second.workspace()].map(|tenant| Party::new(tenant, false));
    let mut mortal = Party::new(second.workspace(), true);
    let mut graves: Vec<String> = Vec::new();
    let mut ended_in_the_middle = 0;

    for round in 0..ROUNDS {
        let ends = round % DELETED_EVERY == DELETED_EVERY - 1;
        let with_mortal = ends || round % 3 == 0;
        let mut others: Vec<Vec<String>> = Vec::new();
        let mut acting: Vec<&mut Party> = parties.iter_mut().collect();
        if with_mortal {
            acting.push(&mut mortal);
        }
        for at in 0..acting.len() {
            let strange = acting.iter().enumerate().filter(|(other, _)| *other != at);
            let ids: Vec<String> = strange.flat_map(|(_, party)| party.flows.iter().take(5).cloned()).collect();
            others.push(if ids.is_empty() { vec![uuid::Uuid::new_v4().to_string()] } else { ids });
        }
        let grave = ends.then(|| truth::schema_of(&server, &acting.last().expect("the mortal one").tenant));
        let together = Barrier::new(acting.len() + usize::from(ends));
        let findings: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = acting
                .into_iter()
                .zip(&others)
                .enumerate()
                .map(|(at, (party, others))| {
                    let together = &together;
                    scope.spawn(move || {
                        let mut chance = Chance::of(round * 16 + at as u64);
                        together.wait();
                        // Who is about to end goes on until it has.
                        let things = if party.mortal && ends { 20 } else { THINGS_A_ROUND };
                        (0..things).filter_map(|_| party.act(&mut chance, others)).collect::<Vec<_>>()
                    })
                })
                .collect();
            if let Some(schema) = &grave {
                together.wait();
                end(&server, schema);
            }
            threads.into_iter().flat_map(|thread| thread.join().expect("the thread ends well")).collect()
        });
        none(findings.into_iter().map(|finding| format!("round {round}: {finding}")).collect());
        if let Some(schema) = grave {
            assert_eq!(
                server.database().sql(&format!("select count(*) from pg_namespace where nspname = '{schema}'")),
                "0"
            );
            ended_in_the_middle += usize::from(mortal.gone > 0 && !mortal.flows.is_empty());
            graves.push(mortal.mark);
            mortal = Party::new(second.workspace(), true);
        }
    }

    assert!(
        ended_in_the_middle > graves.len() / 2,
        "{ended_in_the_middle} of {} ended under their requests",
        graves.len()
    );
    for party in &parties {
        let schema = truth::schema_of(&server, &party.tenant);
        let foreign = parties.iter().map(|other| &other.mark).chain(&graves).filter(|mark| **mark != party.mark);
        for mark in foreign {
            assert_eq!(
                truth::rows_with(&server, &schema, mark),
                Vec::<String>::new(),
                "rows of {mark} at {}",
                party.mark
            );
        }
        for (table, known) in [("flow", &party.flows), ("flow_run", &party.runs)] {
            let there = server.database().sql(&format!("select id from {schema}.{table}"));
            let there: BTreeSet<String> = there.lines().map(str::to_owned).collect();
            assert_eq!(&there, known, "{table} of {}: what was told against what is there", party.mark);
        }
    }
    no_transaction_is_open(&server);
}

/// Drops a workspace's schema and role as the end of its grace does, while requests of its own are under way. Where it and
/// a request wait for each other, it is tried again.
fn end(server: &Server, schema: &str) {
    let sql = format!(
        "do $$ begin
             update control.workspace set deleted_at = now() where schema_name = '{schema}';
             loop
                 begin
                     drop schema {schema} cascade;
                     drop owned by {schema};
                     drop role {schema};
                     exit;
                 exception when deadlock_detected then null;
                 end;
             end loop;
         end $$"
    );
    server.database().sql(&sql);
}

fn no_transaction_is_open(server: &Server) {
    let sql = format!(
        "select count(*) from pg_stat_activity where datname = '{}' and state like 'idle in transaction%'",
        server.database().name
    );
    tests::eventually("no transaction is open", || match server.database().sql(&sql).as_str() {
        "0" => Ok(()),
        open => Err(open.to_owned()),
    });
}

#[test]
fn marks_are_found() {
    let mark = "mark0123456789abcdef0123456789abcdef";
    let text = json!([{"name": format!("{mark}-1")}, {"tags": [mark]}]).to_string();
    assert_eq!(marks(&text).collect::<Vec<_>>(), [mark, mark]);
    assert_eq!(marks(&Value::Null.to_string()).count(), 0);
}

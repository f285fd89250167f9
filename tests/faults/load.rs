//! Clients that write without pause and keep a ledger, through every outage.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use tests::{Answer, Incoming, Socket, Tenant, eventually};

use crate::ledger::{Kind, Ledger, Told};

pub struct Load<'l> {
    pub tenant: Tenant,
    pub flow: String,
    pub ledger: &'l Ledger,
    pub stop: &'l AtomicBool,
}

impl Load<'_> {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    /// A write, told to the ledger for each of its parts. Without an answer, or with one that says to try again, it is open.
    fn write(&self, path: &str, body: &Value, parts: &[(Kind, String)]) -> Option<Answer> {
        for (kind, id) in parts {
            self.ledger.tell(*kind, id, Told::Open);
        }
        let bytes = Some(body.to_string().into_bytes());
        let answer = self.tenant.api().try_request("POST", path, &[("content-type", "application/json")], bytes);
        match answer {
            Ok(answer) if (200..300).contains(&answer.status) => {
                parts.iter().for_each(|(kind, id)| self.ledger.tell(*kind, id, Told::Sure));
                Some(answer)
            }
            Ok(answer) => {
                assert_eq!(answer.status, 503, "{path} {body} is answered {}", answer.body);
                self.ledger.failed(format!("{}{path}: 503 {}", self.tenant.api_url(), answer.body));
                self.wait_for_the_server();
                None
            }
            Err(why) => {
                self.ledger.failed(why);
                self.wait_for_the_server();
                None
            }
        }
    }

    fn wait_for_the_server(&self) {
        let api = self.tenant.api().at(&self.tenant.cloud_api_url());
        eventually("the server is back", || match api.try_request("GET", "/ready", &[], None) {
            Ok(answer) if answer.status == 200 => Ok(()),
            other => Err(format!("{:?}", other.map(|answer| answer.status))),
        });
    }

    /// Runs from their creation to their end. A create is repeated with its key until it is answered, as clients do.
    pub fn runs(&self) {
        while self.goes_on() {
            let key = format!("key-{}", uuid::Uuid::new_v4());
            let state = json!({"type": "PENDING", "state_details": {}});
            let body = json!({"flow_id": self.flow, "idempotency_key": key, "state": state});
            let run = loop {
                match self.write("/flow_runs/", &body, &[(Kind::FlowRun, key.clone())]) {
                    Some(answer) => break answer.body,
                    None if self.goes_on() => {}
                    None => return,
                }
            };
            self.ledger.tell(Kind::State, run["state_id"].as_str().expect("a run has a state"), Told::Sure);
            let path = format!("/flow_runs/{}/set_state", run["id"].as_str().expect("a run has an id"));
            for state in ["RUNNING", "COMPLETED"] {
                // Not repeated: what became of an open one is for the rows to say.
                let Some(answer) = self.write(&path, &json!({"state": {"type": state}}), &[]) else { break };
                assert_eq!(answer.body["status"], "ACCEPT", "{state}: {}", answer.body);
                self.ledger.tell(
                    Kind::State,
                    answer.body["state"]["id"].as_str().expect("a state has an id"),
                    Told::Sure,
                );
            }
        }
    }

    /// Log lines, a few at a time. Never repeated: a line has nothing by which a second one is known.
    pub fn logs(&self) {
        while self.goes_on() {
            let batch = uuid::Uuid::new_v4();
            let texts: Vec<String> = (0..5).map(|nth| format!("line-{batch}-{nth}")).collect();
            let line = |text: &String| json!({"name": "ledger", "level": 20, "message": text, "timestamp": "2030-01-01T00:00:00Z", "flow_run_id": null});
            let body: Vec<Value> = texts.iter().map(line).collect();
            let parts: Vec<(Kind, String)> = texts.into_iter().map(|text| (Kind::Log, text)).collect();
            self.write("/logs/", &Value::Array(body), &parts);
        }
    }

    /// Events by request, repeated until they are acknowledged.
    pub fn events(&self) {
        while self.goes_on() {
            let ids: Vec<String> = (0..3).map(|_| uuid::Uuid::new_v4().to_string()).collect();
            let body = Value::Array(ids.iter().map(|id| event(id)).collect());
            let parts: Vec<(Kind, String)> = ids.into_iter().map(|id| (Kind::Event, id)).collect();
            while self.write("/events", &body, &parts).is_none() && self.goes_on() {}
        }
    }

    /// Task runs and events by socket, as the SDK sends them: a pong confirms all that was sent before its ping; what was
    /// not confirmed is sent again on the next socket.
    pub fn socket(&self) {
        let mut unconfirmed: Vec<(Kind, String, Value)> = Vec::new();
        while self.goes_on() {
            let Some(mut socket) = self.open() else {
                self.ledger.failed("a socket does not open".into());
                self.wait_for_the_server();
                continue;
            };
            let mut lost = unconfirmed.iter().any(|(_, _, event)| socket.try_send(event).is_err());
            while !lost && self.goes_on() {
                for (kind, id, event) in self.more() {
                    self.ledger.tell(kind, &id, Told::Open);
                    lost |= socket.try_send(&event).is_err();
                    unconfirmed.push((kind, id, event));
                }
                lost |= socket.try_ping(b"confirm").is_err();
                // Where nothing can be sent any more, the server's last word may still be read.
                match socket.receive() {
                    Incoming::Closed(said) => {
                        self.ledger.ended(said.map_or("without a word".into(), |(code, why)| format!("{code} {why}")));
                        lost = true;
                    }
                    Incoming::Pong(_) if !lost => {
                        unconfirmed.drain(..).for_each(|(kind, id, _)| self.ledger.tell(kind, &id, Told::Sure));
                    }
                    _ => lost = true,
                }
            }
        }
    }

    fn open(&self) -> Option<Socket> {
        let bearer = format!("Bearer {}", self.tenant.key);
        let mut socket =
            Socket::open(&format!("{}/events/in", self.tenant.api_url()), &[("authorization", &bearer)]).ok()?;
        socket.try_send(&json!({"type": "auth", "token": self.tenant.key})).ok()?;
        matches!(socket.receive(), Incoming::Json(said) if said["type"] == "auth_success").then_some(socket)
    }

    /// A task run that begins and ends, and an event that is no task run's.
    fn more(&self) -> Vec<(Kind, String, Value)> {
        let (id, key) = (uuid::Uuid::new_v4().to_string(), format!("task-{}", uuid::Uuid::new_v4()));
        let run = uuid::Uuid::new_v4().to_string();
        let states = [
            ("PENDING", "2030-01-01T00:00:01Z"),
            ("RUNNING", "2030-01-01T00:00:02Z"),
            ("COMPLETED", "2030-01-01T00:00:03Z"),
        ];
        let of_task = |(state, at): (&str, &str)| (Kind::TaskRun, key.clone(), task_event(&id, &run, &key, state, at));
        let mut all: Vec<_> = states.into_iter().map(of_task).collect();
        let id = uuid::Uuid::new_v4().to_string();
        let event = event(&id);
        all.push((Kind::Event, id, event));
        all
    }
}

fn event(id: &str) -> Value {
    json!({
        "id": id, "event": "ledger.event", "occurred": "2030-01-01T00:00:00Z",
        "resource": {"prefect.resource.id": format!("ledger.{id}")}, "related": [], "payload": {},
    })
}

fn task_event(task_run: &str, flow_run: &str, key: &str, state: &str, at: &str) -> Value {
    let name = format!("{}{}", &state[..1], state[1..].to_lowercase());
    json!({
        "id": uuid::Uuid::new_v4(), "event": format!("prefect.task-run.{name}"), "occurred": at,
        "resource": {
            "prefect.resource.id": format!("prefect.task-run.{task_run}"), "prefect.resource.name": key,
            "prefect.run-count": "1", "prefect.state-message": "", "prefect.state-type": state, "prefect.state-name": name,
            "prefect.state-timestamp": at, "prefect.orchestration": "client",
        },
        "related": [{"prefect.resource.id": format!("prefect.flow-run.{flow_run}"), "prefect.resource.role": "flow-run"}],
        "payload": {
            "intended": {"from": null, "to": state}, "initial_state": null,
            "validated_state": {"type": state, "name": name, "message": "", "state_details": {}, "data": null},
            "task_run": {
                "name": key, "task_key": key, "dynamic_key": "0", "cache_key": null, "cache_expiration": null, "task_version": null,
                "empirical_policy": {}, "tags": [], "labels": {}, "task_inputs": {}, "run_count": 1, "flow_run_run_count": 1,
                "expected_start_time": at, "next_scheduled_start_time": null, "start_time": at, "end_time": null,
                "total_run_time": 0.0, "estimated_run_time": 0.0, "estimated_start_time_delta": 0.0,
            },
        },
    })
}

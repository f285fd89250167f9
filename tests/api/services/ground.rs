//! A server whose services are quick, and runs to leave to them.

use std::sync::OnceLock;

use serde_json::{Value, json};
use tests::{Api, Server, eventually};

/// Services look five times a second, and what waits is late after a second.
pub fn quick() -> &'static Server {
    static SHARED: OnceLock<Server> = OnceLock::new();
    SHARED.get_or_init(|| {
        let builder = Server::builder().env("PREFECTURE_LATE_AFTER", "1s").env("PREFECTURE_SERVICES_POLL", "200ms");
        builder.start()
    })
}

pub fn id(object: &Value) -> String {
    object["id"].as_str().expect("an id").to_owned()
}

pub fn flow(api: &Api) -> String {
    let flow = api.post("/flows/", &json!({"name": "f"}));
    id(&flow.body)
}

/// A flow run in a state.
pub fn run(api: &Api, flow: &str, more: Value) -> String {
    let mut body = json!({"flow_id": flow});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    id(&api.post("/flow_runs/", &body).expect(201))
}

pub fn in_state(type_: &str) -> Value {
    json!({"state": {"type": type_}})
}

/// So many seconds from now, as some clients write it: a Unix time.
pub fn at(seconds: i64) -> Value {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    json!(now.as_secs_f64() + seconds as f64)
}

/// The state that a run comes to be in.
pub fn becomes(api: &Api, path: &str, name: &str) -> Value {
    eventually(&format!("{path} becomes {name}"), || {
        let state = api.get(path).expect(200)["state"].clone();
        if state["name"] == name { Ok(state) } else { Err(state["name"].clone()) }
    })
}

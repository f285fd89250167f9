//! The rows, each measured in rounds that take turns: this program, the reference, the limit, and again.

mod cached;
mod events;
mod filter;
mod latency;
mod leases;
mod limits;
mod logs;
mod memory;
mod neighbours;
mod overload;
mod polls;
mod read;
mod replicas;
mod scale;
mod services;
mod size;
mod spread;
mod stack;
mod wakes;
mod whole;
mod workspace;
mod writes;

use crate::Result;
use crate::http::{Headers, Target};
use crate::load::Requests;
use crate::scene::Scene;
use crate::table::Row;

/// Names for `--rows`, in the order of measuring: what fills the store most comes last, memory at the very end.
pub const NAMES: &[&str] = &[
    "cached",
    "stack",
    "limits",
    "replicas",
    "read",
    "create",
    "set_state",
    "logs",
    "events",
    "whole",
    "poll",
    "deployment_run",
    "heartbeat",
    "block",
    "artifact",
    "lease",
    "dashboard",
    "wakes",
    "filter",
    "latency",
    "overload",
    "neighbours",
    "spread",
    "size",
    "rules",
    "idle",
    "scale",
    "memory",
];

/// Names that stand for several rows.
pub const GROUPS: &[(&str, &[&str])] =
    &[("workspace", &["poll", "deployment_run", "heartbeat", "block", "artifact", "lease", "dashboard"])];

/// Whether `--rows NAME` means this row.
pub fn names(name: &str, row: &str) -> bool {
    name == row || GROUPS.iter().any(|(group, rows)| *group == name && rows.contains(&row))
}

/// Whether it means any.
pub fn is_known(name: &str) -> bool {
    NAMES.iter().any(|row| names(name, row))
}

pub async fn measure(scene: &mut Scene, name: &str) -> Result<Vec<Row>> {
    match name {
        "cached" => cached::measure(scene).await,
        "stack" => stack::measure(scene).await,
        "limits" => limits::measure(scene).await,
        "replicas" => replicas::measure(scene).await,
        "read" => read::measure(scene).await,
        "create" => writes::create(scene).await,
        "set_state" => writes::set_state(scene).await,
        "logs" => logs::measure(scene).await,
        "events" => events::measure(scene).await,
        "whole" => whole::measure(scene).await,
        "poll" => polls::measure(scene).await,
        "deployment_run" | "heartbeat" | "block" | "artifact" | "dashboard" => workspace::measure(scene, name).await,
        "lease" => leases::measure(scene).await,
        "wakes" => wakes::measure(scene).await,
        "filter" => filter::measure(scene).await,
        "latency" => latency::measure(scene).await,
        "overload" => overload::measure(scene).await,
        "neighbours" => neighbours::measure(scene).await,
        "spread" => spread::measure(scene).await,
        "size" => size::measure(scene).await,
        "rules" => services::rules(scene).await,
        "idle" => services::idle(scene).await,
        "scale" => scale::measure(scene).await,
        "memory" => Ok(memory::measure(scene)),
        _ => Err(format!("no row is called {name}; there are {}", NAMES.join(", ")).into()),
    }
}

/// Numbers that are no secret and cost nothing.
struct Random(u64);

impl Random {
    fn new(seed: usize) -> Random {
        Random((seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// In `0..below`.
    fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below.max(1)
    }
}

/// The same request for ever.
fn again(request: Vec<u8>) -> Requests {
    Box::new(move |out| {
        out.extend_from_slice(&request);
        true
    })
}

fn get(target: &Target, path: &str) -> Vec<u8> {
    let mut request = Vec::new();
    target.get(path, Headers::Plain, &mut request);
    request
}

fn post(target: &Target, path: &str, body: &str) -> Vec<u8> {
    let mut request = Vec::new();
    target.post(path, body, Headers::Plain, &mut request);
    request
}

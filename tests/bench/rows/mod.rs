//! The rows, each measured in rounds that take turns: this program, the reference, the limit, and again.

mod cached;
mod events;
mod filter;
mod latency;
mod limits;
mod logs;
mod memory;
mod neighbours;
mod overload;
mod read;
mod replicas;
mod size;
mod spread;
mod stack;
mod whole;
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
    "filter",
    "latency",
    "overload",
    "neighbours",
    "spread",
    "size",
    "memory",
];

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
        "filter" => filter::measure(scene).await,
        "latency" => latency::measure(scene).await,
        "overload" => overload::measure(scene).await,
        "neighbours" => neighbours::measure(scene).await,
        "spread" => spread::measure(scene).await,
        "size" => size::measure(scene).await,
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

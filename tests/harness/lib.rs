//! What every test stands on: a private Postgres and Redis, the real program, workspaces made the way a user makes them,
//! and clients that speak HTTP and web sockets to it.
//!
//! ```no_run
//! let tenant = tests::Tenant::fresh();                    // a workspace of its own on the server all tests share
//! let flow = tenant.api().post("/flows/", &serde_json::json!({"name": "f"})).expect(201);
//! assert_eq!(flow["name"], "f");
//! ```
//!
//! Promises:
//! * Nothing is left behind, however the test process ends: see [`reaper`].
//! * Nothing waits by sleeping for a time; what must be awaited is asked for until it is there ([`eventually`]).
//! * What the program logged is shown when a test fails.
//!
//! `PREFECTURE_BIN` names the program under test, else it is the one that `cargo build` put beside the test;
//! `KEEP=1` keeps the folders with data and logs and says where they are.

mod api;
mod balancer;
mod certificate;
mod client;
mod clock;
mod cluster;
mod collector;
mod dev;
mod disk;
pub mod flow;
mod folder;
mod held;
mod issuer;
pub mod operations;
mod pgbouncer;
mod plan;
mod port;
mod process;
mod proxy;
pub mod reaper;
mod redis;
mod server;
mod socket;
mod tenant;
mod terminal;
mod trouble;
pub mod truth;
mod wait;

pub use api::{Answer, Api};
pub use balancer::Balancer;
pub use certificate::{Authority, Certificate};
pub use client::{Client, tool};
pub use clock::Clock;
pub use cluster::{Cluster, Database, unprivileged};
pub use collector::{Collector, Span};
pub use dev::Dev;
pub use disk::Disk;
pub use folder::Folder;
pub use held::Held;
pub use issuer::{Issuer, IssuerKey, Mood, now};
pub use pgbouncer::{PgBouncer, installed};
pub use plan::put_on_plan;
pub use port::free_port;
pub use process::Running;
pub use proxy::{Ear, Network, Proxy, Way};
pub use redis::{Flavour, Redis, RedisCluster};
pub use server::{Builder, Output, Server, program};
pub use socket::{Incoming, Socket};
pub use tenant::{Account, Bot, Tenant};
pub use terminal::Terminal;
pub use trouble::{Trouble, Troubled};
pub use wait::eventually;

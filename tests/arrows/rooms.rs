//! Which room of a crate may name which.

use crate::exceptions::{self, Finding};
use crate::source::{Source, files};

/// A room of the gateway, the rooms it may name, and what to do instead of naming another.
const GATEWAY: &[(&str, &[&str], &str)] = &[
    ("config", &[], "Settings are plain values: whoever uses them depends on them."),
    ("metrics", &[], "Whoever counts depends on the counters."),
    ("limits", &["config", "metrics", "redis"], "Limits are arithmetic over callers; the edge knows requests."),
    ("redis", &["config", "metrics"], "The way to Redis knows nothing of what is kept there."),
    ("cache", &["config", "kit", "redis"], "What is kept knows entries and keys; the edge decides what to answer."),
    ("telemetry", &["config", "metrics", "kit"], "What is sent to a collector is told to it; it asks nobody."),
    ("tokens", &["config", "metrics"], "Tokens are verified for whoever asks: nothing here knows a request."),
    ("templates", &["config"], "Templates are rendered for whoever asks: nothing here knows a request."),
    ("doctor", &["config", "program"], "The doctor asks from outside, as a client does; it shares only the settings."),
    ("embedded", &[], "The private Postgres knows nothing of the server; `program` puts them together."),
    (
        "kit",
        &["App", "ops"],
        "The kit knows no resource and no layer: a type that both need is the kit's, and the layer fills it.",
    ),
    (
        "edge",
        &["kit", "App", "config", "metrics", "redis", "cache", "telemetry", "tokens", "limits"],
        "A layer reads the operation's entry and what App shares; it names neither a slice nor the program.",
    ),
    (
        "app",
        &["config", "edge", "metrics", "kit", "services", "live", "redis", "cache", "tokens", "limits", "templates"],
        "What everything counts or reads has a room of its own (src/metrics), not the program's.",
    ),
    (
        "listen",
        &["kit", "edge", "config", "metrics"],
        "The listener knows the stack and what it says of a request; who starts it is the program.",
    ),
    ("tables", &["kit", "api", "account", "live"], "The list of all operations names the rooms that declare some."),
    ("api", &["kit", "App", "ops", "live", "tables"], A_SLICE),
    ("account", &["kit", "App", "ops", "tables"], A_SLICE),
    // A socket may take its key in a message, and then the edge admits it as it admits a request.
    (
        "live",
        &["kit", "App", "ops", "config", "metrics", "redis", "edge", "limits"],
        "Sockets depend on tenant-store, domain, the kit, the edge's admission, and Redis, which joins replicas.",
    ),
    ("services", &["App", "config", "metrics", "live", "redis"], "Background work depends on tenant-store and domain."),
];

const A_SLICE: &str = "A slice depends on tenant-store, domain and the kit; what describes a request is the kit's, and \
                       the list of all operations has a file of its own (src/tables.rs).";

/// Rooms whose slices do not name each other.
const SLICED: &[&str] = &["api", "account"];

/// The floor of the store, on which the resources stand: it names none of them.
const STORE_FLOOR: &[&str] = &["pool", "sql", "scope", "error", "commits", "connect", "ticks"];
const STORE_FLOOR_EXPORTS: &[&str] = &[
    "Commits",
    "Error",
    "Result",
    "Lane",
    "Pool",
    "PoolSettings",
    "Tx",
    "Permitted",
    "SchemaName",
    "Scope",
    "Visible",
    "SPANS",
];

#[test]
fn rooms_of_the_gateway_name_only_what_their_arrows_allow() {
    crate::none(exceptions::without(rooms()));
}

pub fn rooms() -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in files("gateway/src") {
        let Some((room, may, instead)) = GATEWAY.iter().find(|(room, ..)| *room == source.room()) else { continue };
        for named in source.inside() {
            let Some(other) = named.path.first() else { continue };
            if other == room || may.contains(&other.as_str()) || source.is_tests() || !is_room(other) {
                continue;
            }
            findings.push((
                exceptions::arrow(&source.path, other),
                format!("{}:{}: {room} → {other} ({}).\n{instead}", source.path, named.line, named.path.join("::")),
            ));
        }
    }
    findings
}

/// Lower case is a module; what is exported at the crate's root by name was let through above or is a room's own.
fn is_room(name: &str) -> bool {
    name == "App" || name.starts_with(|first: char| first.is_ascii_lowercase())
}

#[test]
fn no_slice_names_a_sibling() {
    crate::none(exceptions::without(siblings()));
}

pub fn siblings() -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in files("gateway/src") {
        if !SLICED.contains(&source.room()) || source.is_tests() {
            continue;
        }
        // The room's own mod.rs is the list of its slices.
        let Some(slice) = source.module.get(1) else { continue };
        for named in source.inside() {
            let sibling = named.path.first().is_some_and(|room| room == source.room())
                && named.path.get(1).is_some_and(|other| other != slice && is_slice(&source, other));
            if sibling {
                findings.push((
                    exceptions::arrow(&source.path, &named.path.join("::")),
                    format!(
                        "{}:{}: the slice {slice} names its sibling ({}).\n\
                         What both need is a rule (domain), a query (tenant-store) or a tool (kit); put it there.",
                        source.path,
                        named.line,
                        named.path.join("::")
                    ),
                ));
            }
        }
    }
    findings
}

/// A module with operations of its own; what several slices share has none.
fn is_slice(source: &Source, name: &str) -> bool {
    let room = crate::repository().join("gateway/src").join(source.room());
    let files = [room.join(format!("{name}.rs")), room.join(name).join("mod.rs")];
    files.iter().any(|file| std::fs::read_to_string(file).is_ok_and(|text| text.contains("ops![")))
}

#[test]
fn the_floor_of_the_store_names_no_resource() {
    crate::none(exceptions::without(floor()));
}

pub fn floor() -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in files("tenant-store/src") {
        if !STORE_FLOOR.contains(&source.room()) || source.is_tests() {
            continue;
        }
        for named in source.inside() {
            let Some(other) = named.path.first() else { continue };
            if STORE_FLOOR.contains(&other.as_str()) || STORE_FLOOR_EXPORTS.contains(&other.as_str()) {
                continue;
            }
            findings.push((
                exceptions::arrow(&source.path, other),
                format!(
                    "{}:{}: {} → {other} ({}).\nPools, transactions and the SQL builder serve every resource and know none; \
                     let the resource hand in what differs.",
                    source.path,
                    named.line,
                    source.room(),
                    named.path.join("::")
                ),
            ));
        }
    }
    findings
}

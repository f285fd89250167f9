//! Postgres: is it new enough, does it keep what it was given, is there room for what will be asked.

use tenant_store::inspect::Server;

use super::report::{Report, Verdict};

/// Connections that the program will open.
#[derive(Clone, Copy, Debug)]
pub struct Pools {
    /// Of one replica, for the work of workspaces.
    pub work: i64,
    /// Of one replica, for keys, accounts and workspaces.
    pub control: i64,
    pub replicas: i64,
    /// Whether a pooler stands in front, whose connections to the server are fewer than the program's to it.
    pub pooled: bool,
}

const OLDEST: i32 = 150_000;
/// Beyond the settings, a replica: one of the control pool for its pulse, three of the other for readiness, lost commits and
/// its pulse.
const SPARE: i64 = 4;
/// The owner's for new workspaces and migrations, and an operator's.
const BESIDES: i64 = 8;
const MIB: i64 = 1 << 20;

pub fn judge(report: &mut Report, server: &Server, pools: Pools, tables: i64) {
    let version = format!("{}.{}", server.version / 10_000, server.version % 10_000);
    let cure = "upgrade to Postgres 15 or newer";
    report.unless(server.version < OLDEST, Verdict::Bad, "postgres version", version, cure);
    let cure = "make the database anew with the encoding UTF8 and restore it there";
    report.unless(server.encoding != "UTF8", Verdict::Bad, "encoding", &server.encoding, cure);
    let found = if server.read_only { "a standby, or read-only by default" } else { "yes" };
    let cure = "name the primary in PREFECTURE_DATABASE_URL, or set default_transaction_read_only off";
    report.unless(server.read_only, Verdict::Bad, "writable", found, cure);
    durability(report, server);
    connections(report, server, pools);
    let found = format!("{} kB", server.work_mem >> 10);
    let cure = "set it to 4MB or more, or sorts of lists go to disk";
    report.unless(server.work_mem < 4 * MIB, Verdict::Warning, "work_mem", found, cure);
    let found = format!("{} MB", server.max_wal_size / MIB);
    let cure = "set it to 1GB or more, or checkpoints come often and writes wait for them";
    report.unless(server.max_wal_size < 1024 * MIB, Verdict::Warning, "max_wal_size", found, cure);
    let cure = "set it on: tables that are written all the time grow without it, and queries slow down";
    report.unless(!server.autovacuum, Verdict::Warning, "autovacuum", on_off(server.autovacuum), cure);
    locks(report, server, tables);
}

/// What was answered with 2xx must survive a loss of power.
fn durability(report: &mut Report, server: &Server) {
    let Server { fsync, full_page_writes, synchronous_commit, .. } = server;
    let cure = "set it on: without it a crash of the machine can ruin the database";
    report.unless(!fsync, Verdict::Bad, "fsync", on_off(*fsync), cure);
    let cure = "set it on, unless the file system writes pages whole (ZFS)";
    report.unless(!full_page_writes, Verdict::Warning, "full_page_writes", on_off(*full_page_writes), cure);
    let cure = "set it on: a write that was answered can be lost in a crash";
    report.unless(synchronous_commit == "off", Verdict::Bad, "synchronous_commit", synchronous_commit, cure);
}

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

fn connections(report: &mut Report, server: &Server, pools: Pools) {
    let each = pools.work + pools.control + SPARE;
    let needed = each * pools.replicas + BESIDES;
    let there = server.connections;
    let found = format!("{there} for {needed} ({} × {each} of the pools, {BESIDES} besides)", pools.replicas);
    let cure = "raise max_connections and the limits of database and login, or lower PREFECTURE_POOL_SIZE";
    let verdict = if pools.pooled { Verdict::Warning } else { Verdict::Bad };
    report.unless(there < needed, verdict, "connections", found, cure);
}

/// A dump takes a lock on each table of the database.
fn locks(report: &mut Report, server: &Server, tables: i64) {
    let needed = tables + tables / 5 + 2000;
    let found = format!("{} for {tables} tables of workspaces", server.locks);
    let each = needed / server.max_connections.max(1) + 1;
    let cure = format!("set max_locks_per_transaction to {each} or more, or pg_dump of the whole database fails");
    report.unless(server.locks < needed, Verdict::Warning, "locks", found, cure);
}

#[cfg(test)]
mod tests {
    use wire::Time;

    use super::*;

    fn server() -> Server {
        Server {
            version: 170_002,
            encoding: "UTF8".into(),
            max_connections: 100,
            connections: 97,
            locks: 6400,
            fsync: true,
            full_page_writes: true,
            autovacuum: true,
            synchronous_commit: "on".into(),
            work_mem: 4 * MIB,
            max_wal_size: 1024 * MIB,
            read_only: false,
            now: Time::of_machine(),
        }
    }

    fn judged(server: &Server, pooled: bool, tables: i64) -> Report {
        let mut report = Report::default();
        judge(&mut report, server, Pools { work: 16, control: 4, replicas: 2, pooled }, tables);
        report
    }

    #[test]
    fn each_check_passes_and_can_fail() {
        type Harm = fn(&mut Server);
        let (bad, warning) = (Verdict::Bad, Verdict::Warning);
        let cases: [(&str, Verdict, Harm); 11] = [
            ("postgres version", bad, |s| s.version = 140_011),
            ("encoding", bad, |s| s.encoding = "SQL_ASCII".into()),
            ("writable", bad, |s| s.read_only = true),
            ("fsync", bad, |s| s.fsync = false),
            ("full_page_writes", warning, |s| s.full_page_writes = false),
            ("synchronous_commit", bad, |s| s.synchronous_commit = "off".into()),
            ("autovacuum", warning, |s| s.autovacuum = false),
            ("connections", bad, |s| s.connections = 55),
            ("work_mem", warning, |s| s.work_mem = MIB),
            ("max_wal_size", warning, |s| s.max_wal_size = 64 * MIB),
            ("locks", warning, |s| s.locks = 640),
        ];
        for (check, expected, harm) in cases {
            assert_eq!(judged(&server(), false, 300).verdict(check), Some(Verdict::Good), "{check}");
            let mut server = server();
            harm(&mut server);
            assert_eq!(judged(&server, false, 300).verdict(check), Some(expected), "{check}");
        }
        assert_eq!(judged(&server(), false, 30_000).verdict("locks"), Some(warning));
    }

    #[test]
    fn two_replicas_need_fifty_six_connections_and_a_pooler_fewer() {
        let with = |connections| Server { connections, ..server() };
        assert_eq!(judged(&with(56), false, 0).verdict("connections"), Some(Verdict::Good));
        assert_eq!(judged(&with(55), false, 0).verdict("connections"), Some(Verdict::Bad));
        assert_eq!(judged(&with(55), true, 0).verdict("connections"), Some(Verdict::Warning));
    }
}

//! Redis or Valkey: is it there, is it new enough, is it fast enough, what does it do when it is full.

use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ConnectionInfo, RedisError};
use wire::Time;

use super::clocks;
use super::report::{Report, Verdict};
use crate::config::{RedisAddress, RedisSettings};

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// As the protocol's version counts: Valkey says one too.
    version: String,
    /// It takes writes, and is no copy of another.
    primary: bool,
    /// It is a node of a cluster.
    cluster: bool,
    /// In bytes; 0 is no limit.
    limit: u64,
    policy: String,
}

const CHECK: &str = "redis";
/// A person waits, not a request.
const PATIENCE: Duration = Duration::from_secs(5);
const OLDEST: u32 = 6;
/// Questions whose answers are timed.
const PINGS: usize = 20;

/// Every server that is named; of a cluster those that are named. Without a right address there is none.
pub async fn look(settings: &RedisSettings) -> Report {
    let mut report = Report::default();
    let (nodes, cluster) = match settings.address() {
        Ok(Some(RedisAddress::Single(node))) => (vec![*node], false),
        Ok(Some(RedisAddress::Cluster(nodes))) => (nodes, true),
        Ok(None) => {
            let why = "none is named: limits and cache are each replica's own, which is right for one replica";
            report.skipped(CHECK, why);
            return report;
        }
        Err(_) => {
            report.skipped(CHECK, "its settings must be right first");
            return report;
        }
    };
    for node in nodes {
        let looked = tokio::time::timeout(PATIENCE, at(&mut report, node, cluster, settings.redis_timeout)).await;
        if let Err(error) = looked.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into())) {
            let cure = "is it up, and are host, port, user and password of PREFECTURE_REDIS_URL right? The login must be \
                        allowed INFO and TIME. Requests go on without it";
            report.bad(CHECK, error, cure);
        }
    }
    report
}

async fn at(report: &mut Report, node: ConnectionInfo, cluster: bool, patience: Duration) -> Result<(), RedisError> {
    let config =
        AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(Some(PATIENCE));
    let mut connection = Client::open(node)?.get_multiplexed_async_connection_with_config(&config).await?;
    let took = pings(&mut connection).await?;
    judge_speed(report, took, patience);
    let info: String = redis::cmd("INFO").query_async(&mut connection).await?;
    judge(report, &read(&info), cluster);
    let time = redis::cmd("TIME");
    let (now, around) = clocks::timed(time.query_async::<(i64, i64)>(&mut connection)).await;
    let (seconds, micros) = now?;
    clocks::judge(report, "clock of redis", Time::from_micros(seconds * 1_000_000 + micros), around);
    Ok(())
}

/// The time of the middle one.
async fn pings(connection: &mut MultiplexedConnection) -> Result<Duration, RedisError> {
    let mut times = [Duration::ZERO; PINGS];
    for time in &mut times {
        let began = Instant::now();
        redis::cmd("PING").exec_async(connection).await?;
        *time = began.elapsed();
    }
    times.sort();
    Ok(times[PINGS / 2])
}

/// From the answer to INFO: lines of `name:value`.
fn read(info: &str) -> Facts {
    let field = |name: &str| {
        let mut lines = info.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(field, _)| *field == name).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    Facts {
        version: field("redis_version"),
        primary: field("role") != "slave",
        cluster: field("cluster_enabled") == "1",
        limit: field("maxmemory").parse().unwrap_or(0),
        policy: field("maxmemory_policy"),
    }
}

/// `patience` is how long a request waits at most.
fn judge_speed(report: &mut Report, took: Duration, patience: Duration) {
    let found = format!("answers in {:.2} ms; nobody waits longer than {patience:?}", took.as_secs_f64() * 1000.0);
    if took >= patience {
        report.bad(CHECK, found, "it is of no use like that: bring it nearer, or raise PREFECTURE_REDIS_TIMEOUT");
    } else if took >= patience / 2 {
        report.warning(CHECK, found, "bring it nearer, or raise PREFECTURE_REDIS_TIMEOUT: much will go on without it");
    } else {
        report.good(CHECK, found);
    }
}

/// In a cluster a copy passes on whoever wants to write.
fn judge(report: &mut Report, facts: &Facts, cluster: bool) {
    let major: u32 = facts.version.split('.').next().and_then(|part| part.parse().ok()).unwrap_or(0);
    let cure = "upgrade to Redis 6 or newer, or to Valkey";
    report.unless(major < OLDEST, Verdict::Bad, "redis version", &facts.version, cure);
    let found = if facts.primary { "it takes writes" } else { "a copy of another, which takes no writes" };
    let cure = "name the primary in PREFECTURE_REDIS_URL";
    report.unless(!facts.primary && !cluster, Verdict::Bad, "redis role", found, cure);
    let (found, cure) = match facts.cluster {
        true => ("a node of a cluster", "write redis+cluster:// in PREFECTURE_REDIS_URL"),
        false => ("a server of its own, no cluster", "write redis:// in PREFECTURE_REDIS_URL"),
    };
    report.unless(facts.cluster != cluster, Verdict::Bad, "redis mode", found, cure);
    match facts.limit {
        0 => {
            let cure = "set maxmemory, or a full cache takes the memory of the machine";
            report.warning("redis memory", "no limit", cure);
        }
        limit => report.good("redis memory", format!("at most {} MB", limit >> 20)),
    }
    let cure = "set maxmemory-policy to volatile-lru: with noeviction nothing is shared any more once it is full";
    report.unless(facts.policy == "noeviction", Verdict::Warning, "redis eviction", &facts.policy, cure);
}

#[cfg(test)]
mod tests {
    use super::*;

    const WELL: &str = "# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\n\r\n# Memory\r\nmaxmemory:1048576\r\n\
                        maxmemory_policy:volatile-lru\r\n# Replication\r\nrole:master\r\n\
                        # Cluster\r\ncluster_enabled:0\r\n";

    fn verdict(facts: &Facts, cluster: bool, check: &str) -> Option<Verdict> {
        let mut report = Report::default();
        judge(&mut report, facts, cluster);
        report.verdict(check)
    }

    #[test]
    fn what_info_says_is_read_and_each_check_can_fail() {
        let well = read(WELL);
        let expected = Facts {
            version: "7.2.4".into(),
            primary: true,
            cluster: false,
            limit: 1 << 20,
            policy: "volatile-lru".into(),
        };
        assert_eq!(well, expected);
        let ill = read("redis_version:5.0.14\r\nrole:slave\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n");
        for (check, expected) in [
            ("redis version", Verdict::Bad),
            ("redis role", Verdict::Bad),
            ("redis memory", Verdict::Warning),
            ("redis eviction", Verdict::Warning),
        ] {
            assert_eq!(verdict(&well, false, check), Some(Verdict::Good), "{check}");
            assert_eq!(verdict(&ill, false, check), Some(expected), "{check}");
        }
        assert_eq!(verdict(&ill, true, "redis role"), Some(Verdict::Good));
        let node = read(&WELL.replace("cluster_enabled:0", "cluster_enabled:1"));
        for (facts, cluster, expected) in [
            (&well, false, Verdict::Good),
            (&well, true, Verdict::Bad),
            (&node, true, Verdict::Good),
            (&node, false, Verdict::Bad),
        ] {
            assert_eq!(verdict(facts, cluster, "redis mode"), Some(expected), "{facts:?}, {cluster}");
        }
    }

    #[test]
    fn an_answer_must_come_in_the_time_that_requests_wait() {
        for (took, expected) in [(1, Verdict::Good), (13, Verdict::Warning), (25, Verdict::Bad)] {
            let mut report = Report::default();
            judge_speed(&mut report, Duration::from_millis(took), Duration::from_millis(25));
            assert_eq!(report.verdict(CHECK), Some(expected), "{took} ms");
        }
    }
}

//! Redis, or Valkey: what replicas share limits and caches through. Without it each keeps its own.

use std::time::Duration;

use clap::Args;
use redis::{ConnectionInfo, IntoConnectionInfo};

use super::{WrongSetting, duration};

#[derive(Clone, Args)]
#[command(next_help_heading = "Redis")]
pub struct RedisSettings {
    /// Redis or Valkey to share limits and caches through; none is needed for one replica. One server
    /// (redis://user:password@host:6379/0, rediss:// for TLS) or a cluster (redis+cluster://, rediss+cluster://, or
    /// several addresses, parted by commas).
    #[arg(long, env = "PREFECTURE_REDIS_URL", value_name = "URL", hide_env_values = true)]
    pub redis_url: Option<String>,

    /// Longest wait for an answer of Redis; then the request goes on without it.
    #[arg(long, env = "PREFECTURE_REDIS_TIMEOUT", default_value = "25ms", value_parser = duration, value_name = "DURATION")]
    pub redis_timeout: Duration,

    /// Longest wait for a connection to Redis, in the background; no request waits for one.
    #[arg(long, env = "PREFECTURE_REDIS_CONNECT_TIMEOUT", default_value = "1s", value_parser = duration, value_name = "DURATION")]
    pub redis_connect_timeout: Duration,
}

/// Where Redis is; it may hold a password, and so is never shown.
#[derive(Clone)]
pub enum RedisAddress {
    Single(Box<ConnectionInfo>),
    /// Nodes from which the others are learned; one at least.
    Cluster(Vec<ConnectionInfo>),
}

const SETTING: &str = "--redis-url (PREFECTURE_REDIS_URL or REDIS_URL)";
const EXAMPLE: &str = "redis://:password@redis.internal:6379/0";

impl RedisSettings {
    /// Where Redis is, if there is one: `--redis-url`, PREFECTURE_REDIS_URL or REDIS_URL.
    pub fn address(&self) -> Result<Option<RedisAddress>, WrongSetting> {
        if self.redis_timeout < Duration::from_millis(1) || self.redis_timeout > Duration::from_secs(1) {
            let setting = "--redis-timeout (PREFECTURE_REDIS_TIMEOUT)";
            return Err(WrongSetting::new(setting, "must be between 1ms and 1s", "25ms"));
        }
        if self.redis_connect_timeout < Duration::from_millis(10) {
            let setting = "--redis-connect-timeout (PREFECTURE_REDIS_CONNECT_TIMEOUT)";
            return Err(WrongSetting::new(setting, "less than 10ms", "1s"));
        }
        let given = |url: &String| !url.trim().is_empty();
        let url = self.redis_url.clone().filter(given).or_else(|| std::env::var("REDIS_URL").ok()).filter(given);
        url.map(|url| read(&url)).transpose()
    }
}

/// Pure: one server, or a cluster where a scheme says so or several addresses are given. All nodes have one password.
fn read(text: &str) -> Result<RedisAddress, WrongSetting> {
    let urls: Vec<&str> = text.split(',').map(str::trim).filter(|url| !url.is_empty()).collect();
    let cluster = urls.len() > 1 || urls.iter().any(|url| scheme(url).ends_with("+cluster"));
    let nodes = urls.iter().map(|url| node(url)).collect::<Result<Vec<_>, _>>()?;
    if cluster && nodes.iter().any(|node| node.redis_settings().db() != 0) {
        return Err(WrongSetting::new(
            SETTING,
            "a cluster has database 0 alone",
            "redis+cluster://redis.internal:6379",
        ));
    }
    match (cluster, <[ConnectionInfo; 1]>::try_from(nodes)) {
        (false, Ok([node])) => Ok(RedisAddress::Single(Box::new(node))),
        (true, Ok([node])) => Ok(RedisAddress::Cluster(vec![node])),
        (_, Err(nodes)) if !nodes.is_empty() => Ok(RedisAddress::Cluster(nodes)),
        (_, Err(_)) => Err(WrongSetting::new(SETTING, "names no server", EXAMPLE)),
    }
}

fn scheme(url: &str) -> &str {
    url.split_once("://").map_or("", |(scheme, _)| scheme)
}

fn node(url: &str) -> Result<ConnectionInfo, WrongSetting> {
    let plain = match url.split_once("://") {
        Some((scheme, rest)) => format!("{}://{rest}", scheme.trim_end_matches("+cluster")),
        None => url.to_owned(),
    };
    // The parser's message may quote the text, and the text may hold a password.
    plain.into_connection_info().map_err(|_| WrongSetting::new(SETTING, "is no address of a Redis", EXAMPLE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_or_a_cluster() {
        for one in ["redis://h", "rediss://h:6380", "redis://:p@h/2", "valkey://h:1", " redis://h , "] {
            assert!(matches!(read(one), Ok(RedisAddress::Single(_))), "{one}");
        }
        for (many, count) in [
            ("redis+cluster://h", 1),
            ("rediss+cluster://u:p@h:1", 1),
            ("redis://a,redis://b", 2),
            ("redis+cluster://a,redis://b", 2),
        ] {
            assert!(matches!(read(many), Ok(RedisAddress::Cluster(nodes)) if nodes.len() == count), "{many}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_quoted() {
        for bad in ["hunter2", "http://:hunter2@h", "redis+cluster://:hunter2@h/3", "redis://:hunter2@h:port", ","] {
            let refused = read(bad).err().unwrap_or_else(|| panic!("{bad} was taken")).to_string();
            assert!(refused.contains("REDIS_URL") && !refused.contains("hunter2"), "{refused}");
        }
    }
}

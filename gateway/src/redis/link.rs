//! A connection to one server or to a cluster, and the making of one.

use std::time::Duration;

use redis::aio::{MultiplexedConnection, PubSub};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, Client, ConnectionInfo, RedisError};

use crate::config::{RedisAddress, RedisSettings, WrongSetting};

/// Cheap to clone; clones share the connection.
#[derive(Clone)]
pub enum Link {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// From where a connection is made.
pub struct Address {
    client: Servers,
    connect_timeout: Duration,
    timeout: Duration,
}

enum Servers {
    Single(Box<Client>),
    /// With the nodes that were named: what is published at one is heard at all of them.
    Cluster(Box<ClusterClient>, Vec<ConnectionInfo>),
}

/// How often a question is sent on when a slot of the cluster has moved.
const REDIRECTS: u32 = 3;

impl Address {
    pub fn new(address: RedisAddress, settings: &RedisSettings) -> Result<Self, WrongSetting> {
        let (connect_timeout, timeout) = (settings.redis_connect_timeout, settings.redis_timeout);
        let client = match address {
            RedisAddress::Single(node) => Client::open(*node).map(Box::new).map(Servers::Single),
            RedisAddress::Cluster(nodes) => ClusterClient::builder(nodes.clone())
                .connection_timeout(connect_timeout)
                .response_timeout(timeout)
                .retries(REDIRECTS)
                .build()
                .map(|client| Servers::Cluster(Box::new(client), nodes)),
        };
        // The message could quote the address, and the address a password.
        let client = client.map_err(|_| {
            let setting = "--redis-url (PREFECTURE_REDIS_URL or REDIS_URL)";
            WrongSetting::new(
                setting,
                "cannot be used: the nodes of a cluster share user, password and TLS",
                "redis+cluster://:password@redis.internal:6379",
            )
        })?;
        Ok(Self { client, connect_timeout, timeout })
    }

    /// Connects, and sees that an answer comes in time.
    pub async fn connect(&self) -> Result<Link, RedisError> {
        let connecting = async {
            match &self.client {
                Servers::Single(client) => {
                    let config = AsyncConnectionConfig::new()
                        .set_connection_timeout(Some(self.connect_timeout))
                        .set_response_timeout(None);
                    client.get_multiplexed_async_connection_with_config(&config).await.map(Link::Single)
                }
                Servers::Cluster(client, _) => client.get_async_connection().await.map(Link::Cluster),
            }
        };
        let link = within(self.connect_timeout, connecting).await?;
        let ping = redis::cmd("PING");
        let answering = async {
            match link.clone() {
                Link::Single(mut connection) => ping.exec_async(&mut connection).await,
                Link::Cluster(mut connection) => ping.exec_async(&mut connection).await,
            }
        };
        within(self.timeout, answering).await?;
        Ok(link)
    }
}

impl Address {
    /// A connection of its own that hears what is published on a channel.
    pub async fn subscribe(&self, channel: &str) -> Result<PubSub, RedisError> {
        let subscribing = async |client: &Client| {
            let mut hearing = client.get_async_pubsub().await?;
            hearing.subscribe(channel).await?;
            Ok(hearing)
        };
        match &self.client {
            Servers::Single(client) => within(self.connect_timeout, subscribing(client)).await,
            Servers::Cluster(_, nodes) => {
                let mut last = RedisError::from(std::io::Error::from(std::io::ErrorKind::NotConnected));
                for node in nodes {
                    let client = Client::open(node.clone())?;
                    match within(self.connect_timeout, subscribing(&client)).await {
                        Ok(hearing) => return Ok(hearing),
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
        }
    }
}

async fn within<T>(time: Duration, work: impl Future<Output = Result<T, RedisError>>) -> Result<T, RedisError> {
    let late = |_| RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
    tokio::time::timeout(time, work).await.unwrap_or_else(|elapsed| Err(late(elapsed)))
}

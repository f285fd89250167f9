//! How connections to Postgres are made, and how the program knows that they are gone.

use std::time::Duration;

use deadpool_postgres::{Connect, Manager, ManagerConfig, RecyclingMethod};
use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, Error, NoTls};
use tokio_util::task::TaskTracker;

/// How long the end waits for connections that are closing.
const GONE_WITHIN: Duration = Duration::from_secs(1);

/// Makes the connections of one pool and follows them to their end.
#[derive(Clone, Default)]
pub(crate) struct Connector {
    open: TaskTracker,
}

impl Connector {
    /// Of a pool. Its connections come to rest as they are: their state is known from the way they were used, and a clean-up
    /// would cost a trip and drop the plans.
    pub fn manager(&self, config: Config) -> Manager {
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        Manager::from_connect(config, self.clone(), recycling)
    }

    /// Returns when all connections are closed, which their owners have to do. From here on a connection that breaks is no
    /// news.
    pub async fn gone(&self) {
        self.open.close();
        let _ = tokio::time::timeout(GONE_WITHIN, self.open.wait()).await;
    }
}

impl Connect for Connector {
    fn connect(&self, config: &Config) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), Error>> {
        let config = config.clone();
        Box::pin(async move {
            let (client, connection) = config.connect(NoTls).await?;
            let open = self.open.clone();
            let task = self.open.spawn(async move {
                match connection.await {
                    Err(error) if !open.is_closed() => tracing::warn!(%error, "a connection to Postgres broke"),
                    _ => {}
                }
            });
            Ok((client, task))
        })
    }
}

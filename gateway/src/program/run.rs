//! `prefecture serve`, and what `dev` has in common with it: from settings to a running server, to its end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tenant_store::control::{Control, ControlSettings};
use tenant_store::migrate::{Owners, Provisioner};
use tenant_store::{Commits, Error as StoreError, Pool};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::{JoinHandle, JoinSet};

use super::census::census;
use super::{Error, Serving, migrate, say, serve, serve_operator};
use crate::app::Parts;
use crate::cache::Cache;
use crate::config::{
    CacheSettings, DatabaseSettings, EdgeSettings, EncryptionSettings, ListenSettings, RedisSettings, ServeSettings,
    ServiceSettings, TokenSettings, WrongSetting,
};
use crate::listen::Listener;
use crate::live::hub::Hub;
use crate::metrics::Metrics;
use crate::redis::Redis;
use crate::telemetry::Telemetry;
use crate::tokens::Tokens;
use crate::{App, services, tables};

/// What a server is started with, each concern apart.
#[derive(Clone, Copy)]
pub struct Settings<'a> {
    pub listen: &'a ListenSettings,
    pub database: &'a DatabaseSettings,
    pub edge: &'a EdgeSettings,
    pub redis: &'a RedisSettings,
    pub cache: &'a CacheSettings,
    pub tokens: &'a TokenSettings,
    pub encryption: &'a EncryptionSettings,
    pub services: &'a ServiceSettings,
}

/// How long services may take to end what they have begun, after the drain.
const SERVICES_END: Duration = Duration::from_secs(5);

/// The parts of a running program.
pub struct Running {
    pub serving: Serving,
    pub control: Control,
    pools: Vec<Pool>,
    background: JoinSet<()>,
    services: JoinHandle<()>,
}

impl Running {
    /// Drains, then ends what goes on in the background and closes the connections, so that nobody is left who could take
    /// a Postgres that is stopped next for one that is lost.
    pub async fn end(mut self) {
        self.serving.drain().await;
        // Told by the drain, too.
        if tokio::time::timeout(SERVICES_END, &mut self.services).await.is_err() {
            tracing::warn!("a service was still at work at the end of the drain; another replica takes it over");
            self.services.abort();
        }
        self.background.shutdown().await;
        futures_util::future::join_all(self.pools.iter().map(Pool::close)).await;
        self.control.close().await;
    }
}

pub async fn serve_command(args: ServeSettings, telemetry: &Telemetry) -> Result<(), Error> {
    let mut stop = Stop::listen()?;
    if let Some(wrong) = args.wrong().into_iter().next() {
        return Err(wrong.into());
    }
    let owners = migrate::owners(&args.database)?;
    let settings = Settings {
        listen: &args.listen,
        database: &args.database,
        edge: &args.edge,
        redis: &args.redis,
        cache: &args.cache,
        tokens: &args.tokens,
        encryption: &args.encryption,
        services: &args.services,
    };
    let running = start(&settings, owners, telemetry).await?;
    say(format_args!("listening on {}", running.serving.url));
    stop.told().await;
    running.end().await;
    Ok(())
}

/// Starts to serve. Everything that can be wrong with the settings is said here.
pub async fn start(settings: &Settings<'_>, owners: Owners, telemetry: &Telemetry) -> Result<Running, Error> {
    let Settings { listen, database, edge, redis, cache, tokens, encryption, services } = *settings;
    edge.validate()?;
    cache.validate()?;
    tokens.validate()?;
    services.validate()?;
    let key_ring = encryption.key_ring()?;
    if key_ring.is_empty() {
        tracing::warn!("PREFECTURE_ENCRYPTION_KEYS is not set: blocks cannot be saved");
    }
    let metrics = Arc::new(Metrics::new());
    let redis = Redis::start(redis, metrics.clone()).await?;
    let cache = Arc::new(Cache::new(cache, tables::tables().cached(), redis.clone()));
    let hub = Arc::new(Hub::default());
    let commits = Commits::told_to(cache.clone(), hub.clone());
    let url = database.url()?;
    // Checked by `url`.
    let pool = Pool::new(&url.parse()?, database.pool()?, commits.clone())?;
    let provisioner = Provisioner::new(owners, database.spare_schemas);
    let settings = ControlSettings {
        url,
        connections: database.control_pool_size,
        wait: database.pool_wait,
        patience: database.database_patience,
        pooler: database.database_pooler.into(),
        idle_transaction: database.idle_transaction,
    };
    let places = HashMap::from([("default".to_owned(), pool.clone())]);
    let control = Control::new(&settings, places, Some(provisioner.clone()), commits)?;

    let taken = match control.take_key_ring(&key_ring).await {
        // A replica may start before its database does; what it cannot open then, it says then.
        Err(StoreError::Unavailable(cause)) => {
            tracing::warn!(cause, "the encryption keys could not be checked");
            Ok(())
        }
        taken => taken?,
    };
    if let Err(wrong) = taken {
        let how = "NEW_ID:NEW_KEY,and every key that was there before (prefecture admin encryption --help)";
        return Err(WrongSetting::new("PREFECTURE_ENCRYPTION_KEYS", wrong, how).into());
    }
    if edge.limits.default_plan.is_some() {
        let plans: Vec<String> = control.list_plans().await?.into_iter().map(|plan| plan.name).collect();
        edge.limits.check(&plans)?;
    }
    let default_workspace = match &edge.default_workspace {
        None => None,
        Some(handles) => Some(control.find_workspace(handles).await?.ok_or_else(|| {
            WrongSetting::new(
                "--default-workspace (PREFECTURE_DEFAULT_WORKSPACE)",
                format!("there is no workspace {handles}"),
                "acme/production",
            )
        })?),
    };
    metrics.pools.watch("default", &pool);
    metrics.pools.watch_control(&control);
    let tokens = Tokens::new(control.clone(), tokens, metrics.tokens.clone())?;
    let app = App::new(Parts {
        control: control.clone(),
        pools: vec![pool],
        cache,
        edge: edge.clone(),
        services: services.clone(),
        metrics,
        redis: redis.clone(),
        hub: hub.clone(),
        tokens,
        default_workspace,
        key_ring,
        scheme: if listen.tls.tls_certificate.is_some() { "https" } else { "http" },
    });
    telemetry.watch(&app.metrics());

    let listener = Listener::bind(listen, app.metrics()).await?;
    if let Some(address) = listen.metrics_listen {
        let listener = TcpListener::bind(address).await.map_err(|error| {
            WrongSetting::new(
                "--metrics-listen (PREFECTURE_METRICS_LISTEN)",
                format!("{address} cannot be listened on: {error}"),
                "127.0.0.1:9090",
            )
        })?;
        say(format_args!("metrics on http://{}/metrics", listener.local_addr()?));
        serve_operator(app.metrics(), listener);
    }
    let grace = database.delete_grace;
    let (mut background, pools) = (JoinSet::new(), app.pools().to_vec());
    background.spawn(async move { provisioner.run(grace).await });
    background.spawn(census(control.clone(), app.metrics()));
    background.spawn(app.keys().watch_issuers());
    if let Some(redis) = redis {
        background.spawn(async move { hub.join(&redis).await });
    }
    let services = tokio::spawn(services::run(app.clone()));
    let serving = serve(app, tables::tables().clone(), listener)?;
    Ok(Running { serving, control, pools, background, services })
}

/// SIGTERM and SIGINT, heard from the moment this is made: the first thing a command does, so that neither can end the
/// program before it has put itself in order.
pub struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits until the program is told to stop.
    pub async fn told(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        tracing::info!("stopping");
    }
}

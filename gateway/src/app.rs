//! What the whole program shares: the control plane, the settings of a request, the state of the drain.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::settings::Settings;
use domain::{AccountId, WorkspaceId};
use tenant_store::Pool;
use tenant_store::control::Control;
use tenant_store::encryption::KeyRing;
use tokio::sync::watch;

use crate::cache::Cache;
use crate::config::{EdgeSettings, ServiceSettings};
use crate::edge::Keys;
use crate::kit::{Failure, Reply};
use crate::limits::Limits;
use crate::live::hub::Hub;
use crate::metrics::Metrics;
use crate::redis::Redis;
use crate::templates::Renderer;
use crate::tokens::Tokens;

/// Cheap to clone; one a process.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    control: Control,
    pools: Vec<Pool>,
    keys: Keys,
    cache: Arc<Cache>,
    edge: EdgeSettings,
    services: ServiceSettings,
    metrics: Arc<Metrics>,
    redis: Option<Redis>,
    limits: Limits,
    renderer: Renderer,
    hub: Arc<Hub>,
    default_workspace: Option<(AccountId, WorkspaceId)>,
    key_ring: KeyRing,
    scheme: &'static str,
    ready: AtomicBool,
    drain: watch::Sender<bool>,
}

/// What an app is made of; how is in the files of the parts.
pub struct Parts {
    pub control: Control,
    pub pools: Vec<Pool>,
    pub cache: Arc<Cache>,
    pub edge: EdgeSettings,
    pub services: ServiceSettings,
    pub metrics: Arc<Metrics>,
    pub redis: Option<Redis>,
    pub hub: Arc<Hub>,
    pub tokens: Tokens,
    pub default_workspace: Option<(AccountId, WorkspaceId)>,
    pub key_ring: KeyRing,
    /// `https` where this program speaks TLS itself.
    pub scheme: &'static str,
}

impl App {
    pub fn new(parts: Parts) -> Self {
        let Parts {
            control,
            pools,
            cache,
            edge,
            services,
            metrics,
            redis,
            hub,
            tokens,
            default_workspace,
            key_ring,
            scheme,
        } = parts;
        let keys = Keys::new(control.clone(), tokens, metrics.keys.clone());
        let limits =
            Limits::new(&edge.limits, edge.max_requests, &edge.polls, control.clone(), redis.clone(), metrics.clone());
        let renderer = Renderer::new(&edge.templates);
        let (drain, _) = watch::channel(false);
        Self(Arc::new(Inner {
            control,
            pools,
            keys,
            cache,
            edge,
            services,
            metrics,
            redis,
            limits,
            renderer,
            hub,
            default_workspace,
            key_ring,
            scheme,
            ready: AtomicBool::new(true),
            drain,
        }))
    }

    pub fn control(&self) -> &Control {
        &self.0.control
    }

    /// The pools of the databases that hold workspaces.
    pub fn pools(&self) -> &[Pool] {
        &self.0.pools
    }

    /// Keys verified within the last second.
    pub fn keys(&self) -> &Keys {
        &self.0.keys
    }

    /// Where templates of users are rendered.
    pub fn renderer(&self) -> &Renderer {
        &self.0.renderer
    }

    /// Answers that are kept; the store tells it of commits.
    pub fn cache(&self) -> &Cache {
        &self.0.cache
    }

    pub fn edge(&self) -> &EdgeSettings {
        &self.0.edge
    }

    pub fn services(&self) -> &ServiceSettings {
        &self.0.services
    }

    /// What an operator has set of the rules.
    pub fn rules(&self) -> Settings {
        let ServiceSettings { late_after, rules, .. } = self.services();
        Settings {
            late_after: *late_after,
            slot_wait: rules.slot_wait,
            tag_slot_wait: rules.tag_slot_wait,
            deployment_slot_wait: rules.deployment_slot_wait,
            initial_deployment_lease: rules.deployment_lease,
            cancelling_timeout: rules.cancelling_timeout,
            ..Settings::default()
        }
    }

    /// Who listens to what is stored.
    pub fn hub(&self) -> &Hub {
        &self.0.hub
    }

    pub fn metrics(&self) -> Arc<Metrics> {
        self.0.metrics.clone()
    }

    /// What replicas share limits and caches through, where one is configured.
    pub fn redis(&self) -> Option<&Redis> {
        self.0.redis.as_ref()
    }

    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Which workspace a bare `/api/…` means.
    pub fn default_workspace(&self) -> Option<(AccountId, WorkspaceId)> {
        self.0.default_workspace
    }

    /// The operator's keys for secrets at rest.
    pub fn key_ring(&self) -> &KeyRing {
        &self.0.key_ring
    }

    /// In which clients speak to this program, proxies aside.
    pub fn scheme(&self) -> &'static str {
        self.0.scheme
    }

    /// Whether new requests are welcome.
    pub fn is_ready(&self) -> bool {
        self.0.ready.load(Ordering::Relaxed)
    }

    /// Databases answer, the control schema is of a version that this program serves, the other replicas have counted this
    /// one, and the program is not about to end.
    pub async fn check_ready(&self) -> Reply<()> {
        if !self.is_ready() {
            return Err(Failure::unavailable("The program is stopping.", "draining"));
        }
        self.control().ping().await?;
        for pool in self.pools() {
            pool.ping().await?;
        }
        if self.limits().are_new() {
            return Err(Failure::unavailable("The program is starting.", "not counted by the other replicas"));
        }
        Ok(())
    }

    /// Turns readiness off; everything else goes on.
    pub fn leave(&self) {
        self.0.ready.store(false, Ordering::Relaxed);
        self.0.metrics.program.draining.set(1);
    }

    /// Tells the sockets to end.
    pub fn drain(&self) {
        self.0.drain.send_replace(true);
    }

    /// Becomes true when the program is about to end.
    pub fn draining(&self) -> watch::Receiver<bool> {
        self.0.drain.subscribe()
    }
}

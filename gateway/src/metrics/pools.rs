//! Connections to Postgres: of each database that holds workspaces, by lane, and of the control database.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus::{HistogramVec, IntGauge, IntGaugeVec};
use tenant_store::control::Control;
use tenant_store::{Lane, Pool};

use super::make::Maker;

/// A tenth of a millisecond to the longest wait that is usual.
const SECONDS: &[f64] = &[0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

pub struct Pools {
    open: IntGaugeVec,
    idle: IntGaugeVec,
    size: IntGaugeVec,
    in_use: IntGaugeVec,
    waiting: IntGaugeVec,
    wait: HistogramVec,
    control_open: IntGauge,
    control_idle: IntGauge,
    control_waiting: IntGauge,
    watched: Mutex<Watched>,
}

/// Looked at when the metrics are read.
#[derive(Default)]
struct Watched {
    pools: Vec<(String, Pool)>,
    control: Option<Control>,
}

impl Pools {
    pub fn new(maker: &Maker<'_>) -> Self {
        let gauges = |name, help| maker.gauges_by(name, help, &["database"]);
        let by_lane = |name, help| maker.gauges_by(name, help, &["database", "lane"]);
        Self {
            open: gauges("prefecture_pool_open", "Open connections to a database of workspaces"),
            idle: gauges("prefecture_pool_idle", "Of these, at rest"),
            size: gauges("prefecture_pool_size", "Connections at most"),
            in_use: by_lane("prefecture_pool_in_use", "Connections in use or on their way, by lane"),
            waiting: by_lane("prefecture_pool_waiting", "Requests that wait for their turn, by lane"),
            wait: maker.histograms(
                "prefecture_pool_wait_seconds",
                "Time from asking for a connection to having it or giving up",
                "lane",
                &Lane::ALL.map(Lane::name),
                SECONDS,
            ),
            control_open: maker.gauge("prefecture_control_pool_open", "Open connections to the control database"),
            control_idle: maker.gauge("prefecture_control_pool_idle", "Of these, at rest"),
            control_waiting: maker.gauge(
                "prefecture_control_pool_waiting",
                "Requests that wait for a connection to the control database",
            ),
            watched: Mutex::default(),
        }
    }

    /// From now on the pool is part of the metrics, under the name of its database.
    pub fn watch(&self, database: &str, pool: &Pool) {
        let wait = Lane::ALL.map(|lane| self.wait.with_label_values(&[lane.name()]));
        pool.on_wait(move |lane: Lane, waited: Duration| wait[lane as usize].observe(waited.as_secs_f64()));
        self.watched().pools.push((database.to_owned(), pool.clone()));
    }

    pub fn watch_control(&self, control: &Control) {
        self.watched().control = Some(control.clone());
    }

    /// Takes the state of the pools into the gauges.
    pub fn look(&self) {
        let watched = self.watched();
        for (database, pool) in &watched.pools {
            let status = pool.status();
            self.open.with_label_values(&[database]).set(whole(status.open));
            self.idle.with_label_values(&[database]).set(whole(status.idle));
            self.size.with_label_values(&[database]).set(whole(status.size));
            for lane in status.lanes {
                self.in_use.with_label_values(&[database.as_str(), lane.lane.name()]).set(whole(lane.in_use));
                self.waiting.with_label_values(&[database.as_str(), lane.lane.name()]).set(whole(lane.waiting));
            }
        }
        if let Some(control) = &watched.control {
            let status = control.connections();
            self.control_open.set(whole(status.open));
            self.control_idle.set(whole(status.idle));
            self.control_waiting.set(whole(status.waiting));
        }
    }

    fn watched(&self) -> std::sync::MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

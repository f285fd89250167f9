//! What stands ready while rows are measured, and how a step of one is run.

use std::path::PathBuf;

use ::tests::{Cluster, Database};

use crate::Result;
use crate::args::{Measure, Scale};
use crate::bare::BareServer;
use crate::cpu::Watch;
use crate::http::Target;
use crate::load::{self, Measured, Requests, Times};
use crate::pgbench;
use crate::place::Place;
use crate::profile::Profile;
use crate::program::Program;
use crate::reference::Reference;

pub struct Scene {
    pub measure: Measure,
    pub scale: Scale,
    pub cluster: &'static Cluster,
    pub program: Option<Program>,
    pub reference: Option<Reference>,
    /// The postmaster's process.
    pub postgres: u32,
    /// What scripts of pgbench have counted up to.
    counted: u64,
}

/// Of the server's own, for the whole of the run; said in the notes.
pub const POSTGRES: &[(&str, &str)] = &[
    ("fsync", "on"),
    ("synchronous_commit", "on"),
    ("full_page_writes", "on"),
    ("shared_buffers", "1GB"),
    ("max_wal_size", "16GB"),
    ("checkpoint_timeout", "1h"),
];

impl Scene {
    pub fn set(measure: Measure) -> Result<Scene> {
        let (cluster, postgres) = cluster(&measure)?;
        let settings = settings(&measure)?;
        let program = (!measure.without_program).then(|| Program::start(cluster, &settings)).transpose()?;
        let reference = (!measure.without_reference).then(|| Reference::start(cluster)).transpose()?;
        let scale = measure.scale();
        Ok(Scene { measure, scale, cluster, program, reference, postgres, counted: 0 })
    }

    pub fn watch_program(&self) -> Watch {
        self.watch(self.program.iter().map(|program| program.server.pid()).collect())
    }

    pub fn watch_reference(&self) -> Watch {
        self.watch(self.reference.iter().map(Reference::pid).collect())
    }

    pub fn watch(&self, server: Vec<u32>) -> Watch {
        Watch { server, postgres: vec![self.postgres], generator: Vec::new() }
    }

    /// Has Postgres write what filling left to be written, which would be in the way of whoever commits next.
    pub fn settle(&self) {
        self.cluster.database().sql("checkpoint");
    }

    /// The places of both servers.
    pub fn places(&mut self) -> impl Iterator<Item = &mut Place> {
        let program = self.program.iter_mut().map(|program| &mut program.place);
        program.chain(self.reference.iter_mut().map(|reference| &mut reference.place))
    }

    pub fn program_place(&self) -> Option<&Place> {
        self.program.as_ref().map(|program| &program.place)
    }

    pub fn reference_place(&self) -> Option<&Place> {
        self.reference.as_ref().map(|reference| &reference.place)
    }

    /// A step of this program.
    pub async fn program_step(
        &self,
        row: &str,
        target: &Target,
        source: impl Fn(usize) -> Requests,
    ) -> Result<Measured> {
        self.replicas_step(row, std::slice::from_ref(target), &self.watch_program(), source).await
    }

    /// A step of several replicas of this program; connections are shared out to them in turn.
    pub async fn replicas_step(
        &self,
        row: &str,
        targets: &[Target],
        watch: &Watch,
        source: impl Fn(usize) -> Requests,
    ) -> Result<Measured> {
        let profile = Profile::begin(self, row)?;
        let measured = self.step(targets, self.scale.times, watch, source).await;
        Profile::end(profile)?;
        measured
    }

    /// A step of the reference.
    pub async fn reference_step(&self, target: &Target, source: impl Fn(usize) -> Requests) -> Result<Measured> {
        self.step(std::slice::from_ref(target), self.scale.reference_times, &self.watch_reference(), source).await
    }

    /// A step of the bare server.
    pub async fn bare_step(&self, bare: &BareServer, source: impl Fn(usize) -> Requests) -> Result<Measured> {
        let watch = self.watch(vec![bare.pid()]);
        self.step(std::slice::from_ref(&bare.target), self.scale.times, &watch, source).await
    }

    async fn step(
        &self,
        targets: &[Target],
        times: Times,
        watch: &Watch,
        source: impl Fn(usize) -> Requests,
    ) -> Result<Measured> {
        let addresses = targets.iter().map(|target| target.address).cycle();
        let sources = addresses.zip((0..self.measure.connections).map(source)).collect();
        load::closed_loop(sources, times, watch).await
    }

    /// A step of pgbench. Numbers are new to each, unless the caller has its own.
    pub fn pgbench(
        &mut self,
        script: &pgbench::Script,
        place: pgbench::Place<'_>,
        numbers: Option<pgbench::Numbers>,
    ) -> Result<Measured> {
        const SPAN: u64 = 1_000_000;
        let clients = self.measure.connections;
        let first = self.counted;
        self.counted += SPAN * clients as u64;
        let numbers = numbers.unwrap_or(pgbench::Numbers { first, span: SPAN });
        let (watch, times) = (self.watch(Vec::new()), self.scale.times);
        let before = watch.now();
        let measured = pgbench::run(script, place, clients, times, numbers)?;
        Ok(Measured { spent: watch.now().since(before), ..measured })
    }

    /// Writes down what was sent and what was made of it.
    pub fn keep(&self, row: &str, script: &pgbench::Script) -> Result<()> {
        if let Some(folder) = &self.measure.scripts {
            std::fs::create_dir_all(folder)?;
            std::fs::write(folder.join(format!("{row}.sql")), &script.text)?;
        }
        Ok(())
    }
}

/// A Postgres of the bench's settings, and the postmaster's process.
pub fn cluster(measure: &Measure) -> Result<(&'static Cluster, u32)> {
    let cluster = Cluster::own();
    let database = cluster.database();
    let given = pairs(&measure.postgres, "--postgres")?;
    let own = POSTGRES.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    for (name, value) in own.chain(given) {
        database.sql(&format!("alter system set {name} = '{value}'"));
    }
    // There is nothing in it yet that could be lost.
    cluster.kill9();
    cluster.start_postgres();
    Ok((cluster, postmaster(&database)?))
}

/// Those of this program.
pub fn settings(measure: &Measure) -> Result<Vec<(String, String)>> {
    pairs(&measure.settings, "--setting")
}

/// From `NAME=VALUE`.
fn pairs(texts: &[String], option: &str) -> Result<Vec<(String, String)>> {
    let pair = |text: &String| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    Ok(texts.iter().map(pair).collect::<Option<_>>().ok_or_else(|| format!("{option} takes NAME=VALUE"))?)
}

pub fn data_folder(database: &Database) -> PathBuf {
    PathBuf::from(database.sql("show data_directory"))
}

fn postmaster(database: &Database) -> Result<u32> {
    let file = std::fs::read_to_string(data_folder(database).join("postmaster.pid"))?;
    Ok(file.lines().next().unwrap_or_default().trim().parse()?)
}

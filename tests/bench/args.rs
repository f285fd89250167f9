//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::load::Times;
use crate::rows;

/// Measures this program, the reference server and the limit of the machine side by side.
#[derive(Parser, Debug)]
#[command(max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Measure, and print a Markdown table.
    Measure(Measure),
    /// The bare server that stands for the limit of reads; started by `measure`.
    Bare(Bare),
}

#[derive(Args, Debug, Clone)]
pub struct Measure {
    /// Short steps on little data: whether everything runs, in four minutes. The figures are for nobody's README.
    #[arg(long)]
    pub quick: bool,

    /// Rows to measure, by the names that --help-rows lists, or groups of them; all by default.
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    pub rows: Vec<String>,

    /// List the rows and end.
    #[arg(long)]
    pub help_rows: bool,

    /// Leave the reference out.
    #[arg(long)]
    pub without_reference: bool,

    /// Leave this program out: the reference and nothing else.
    #[arg(long, conflicts_with = "without_reference")]
    pub without_program: bool,

    /// Seconds of a step.
    #[arg(long, value_name = "SECONDS")]
    pub seconds: Option<f64>,

    /// Rounds; medians of them are shown.
    #[arg(long, value_name = "COUNT")]
    pub rounds: Option<usize>,

    /// Connections that send requests at once.
    #[arg(long, default_value_t = 16, value_name = "COUNT")]
    pub connections: usize,

    /// A setting of this program, by the name of its environment variable.
    #[arg(long = "setting", value_name = "NAME=VALUE")]
    pub settings: Vec<String>,

    /// A setting of Postgres, for all of them.
    #[arg(long = "postgres", value_name = "NAME=VALUE")]
    pub postgres: Vec<String>,

    /// Record each step of this program with perf, into this folder; rates are lower then.
    #[arg(long, value_name = "DIR")]
    pub perf: Option<PathBuf>,

    /// Keep the statements that were sent and the scripts made of them, in this folder.
    #[arg(long, value_name = "DIR")]
    pub scripts: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub struct Bare {
    /// Postgres; the options of the URL choose role and schema.
    #[arg(long)]
    pub database_url: String,
    /// The statement that reads a run by its id.
    #[arg(long)]
    pub statement: PathBuf,
    /// What it answers.
    #[arg(long)]
    pub body: PathBuf,
    #[arg(long)]
    pub connections: usize,
}

/// How much of everything.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    pub rounds: usize,
    pub times: Times,
    /// Of the reference: it takes a second for an answer under this load, and a few answers are no sample.
    pub reference_times: Times,
    /// Runs of the workspace that is read, written and changed.
    pub runs: u64,
    /// Runs that are listed.
    pub listed: u64,
    /// Runs of the small and of the large workspace.
    pub small: u64,
    pub large: u64,
    /// Workspaces that work is spread over.
    pub spread: &'static [usize],
    /// Task runs a step records, by us and by the reference.
    pub recorded: usize,
    pub recorded_by_reference: usize,
    /// Runs that wait to be taken through their states in one step.
    pub cycles: u64,
    /// Flow runs of the workspace whose lists are asked for, with three task runs each; and workspaces beside it.
    pub scale: u64,
    pub beside: usize,
    /// Deployments with a rule each, workspaces that are idle, and how long what they cost is watched.
    pub rules: usize,
    pub idle: usize,
    pub watched: Duration,
}

impl Measure {
    pub fn scale(&self) -> Scale {
        let full = Scale {
            rounds: 3,
            times: Times { warm: Duration::from_millis(500), counted: Duration::from_secs(3) },
            reference_times: Times { warm: Duration::from_secs(1), counted: Duration::from_secs(6) },
            runs: 10_000,
            listed: 500_000,
            small: 10_000,
            large: 1_000_000,
            spread: &[1, 10, 100, 300],
            recorded: 12_000,
            recorded_by_reference: 500,
            cycles: 12_000,
            scale: 1_000_000,
            beside: 300,
            rules: 1_000,
            idle: 300,
            watched: Duration::from_secs(60),
        };
        let quick = Scale {
            rounds: 1,
            times: Times { warm: Duration::from_millis(300), counted: Duration::from_secs(1) },
            reference_times: Times { warm: Duration::from_millis(500), counted: Duration::from_secs(3) },
            runs: 2_000,
            listed: 20_000,
            large: 20_000,
            small: 2_000,
            spread: &[1, 10],
            recorded: 2_000,
            recorded_by_reference: 100,
            cycles: 4_000,
            scale: 20_000,
            beside: 10,
            rules: 50,
            idle: 10,
            watched: Duration::from_secs(15),
        };
        let mut scale = if self.quick { quick } else { full };
        scale.rounds = self.rounds.unwrap_or(scale.rounds).max(1);
        if let Some(seconds) = self.seconds {
            scale.times.counted = Duration::from_secs_f64(seconds.max(0.1));
            scale.reference_times.counted = Duration::from_secs_f64(seconds.max(0.1) * 2.0);
        }
        scale
    }

    pub fn wants(&self, row: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|name| rows::names(name, row))
    }
}

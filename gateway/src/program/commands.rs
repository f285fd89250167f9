//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tokio::runtime::Handle;

use super::{Error, dev, logging, migrate, run};
use crate::admin::{AdminArgs, admin};
use crate::config::{
    CacheSettings, DatabaseSettings, EdgeSettings, ListenSettings, RedisSettings, ServeSettings, ServiceSettings,
    TelemetrySettings, TokenSettings,
};
use crate::doctor::{DoctorArgs, doctor};
use crate::telemetry::Telemetry;
use crate::templates;

/// A multi-tenant server for the Prefect REST API.
#[derive(Parser)]
#[command(name = "prefecture", version, about, max_term_width = 110)]
struct Cli {
    /// What to log: error, warn, info, debug, trace, or per module (info,gateway::edge=debug).
    #[arg(long, env = "PREFECTURE_LOG", default_value = "info", global = true, value_name = "FILTER")]
    log: String,

    /// How to write the log: text or json.
    #[arg(long, env = "PREFECTURE_LOG_FORMAT", default_value = "text", global = true, value_parser = ["text", "json"], value_name = "FORMAT")]
    log_format: String,

    /// A line in the log for each request: on or off.
    #[arg(long, env = "PREFECTURE_ACCESS_LOG", default_value = "off", global = true, value_parser = ["on", "off"], value_name = "on|off")]
    access_log: String,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Everything on one machine: a private Postgres, an account, a workspace, a key, the server.
    Dev(Box<DevArgs>),
    /// Serve in production; settings from flags or the environment.
    Serve(Box<ServeSettings>),
    /// Bring the control schema and all workspaces up to this program's version.
    Migrate(MigrateArgs),
    /// Accounts, users, workspaces, keys and roles from the shell; owner recovery.
    Admin(Box<AdminArgs>),
    /// Look at a deployment: settings, database, logins, schemas, Redis, clocks, the public address; what is wrong, with the cure.
    Doctor(Box<DoctorArgs>),
}

#[derive(Args)]
pub struct DevArgs {
    /// Folder of the database and of what `dev` remembers.
    #[arg(long, default_value = ".prefecture", value_name = "DIR")]
    pub data_dir: PathBuf,

    #[command(flatten)]
    pub listen: ListenSettings,

    #[command(flatten)]
    pub edge: EdgeSettings,

    #[command(flatten)]
    pub redis: RedisSettings,

    #[command(flatten)]
    pub cache: CacheSettings,

    #[command(flatten)]
    pub telemetry: TelemetrySettings,

    #[command(flatten)]
    pub tokens: TokenSettings,

    #[command(flatten)]
    pub services: ServiceSettings,
}

#[derive(Args)]
pub struct MigrateArgs {
    #[command(flatten)]
    pub database: DatabaseSettings,

    /// Workspaces migrated at once.
    #[arg(long, default_value_t = 4, value_name = "COUNT")]
    pub parallel: usize,
}

/// Parses the command line and runs the command.
pub fn main() -> ExitCode {
    if templates::is_child() {
        return templates::run();
    }
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let telemetry = match observe(&cli, runtime.handle()) {
        Ok(telemetry) => telemetry,
        Err(error) => return fail(&error),
    };
    let done = runtime.block_on(async {
        let done = match cli.command {
            Command::Dev(args) => dev::dev(*args, &telemetry).await,
            Command::Serve(args) => run::serve_command(*args, &telemetry).await,
            Command::Migrate(args) => migrate::migrate_command(args).await,
            Command::Admin(args) => admin(*args).await,
            Command::Doctor(args) => doctor(*args).await,
        };
        telemetry.end().await;
        done
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// Begins the log, and what goes to a collector: only a server has something to tell it.
fn observe(cli: &Cli, runtime: &Handle) -> Result<Telemetry, Error> {
    let settings = match &cli.command {
        Command::Dev(args) => Some(&args.telemetry),
        Command::Serve(args) => Some(&args.telemetry),
        Command::Migrate(_) | Command::Admin(_) | Command::Doctor(_) => None,
    };
    let telemetry = match settings {
        Some(settings) => Telemetry::start(&settings.otlp()?, runtime)?,
        None => Telemetry::off(runtime),
    };
    logging::start(&cli.log, &cli.log_format, cli.access_log == "on", telemetry.tracer())?;
    Ok(telemetry)
}

fn fail(error: &Error) -> ExitCode {
    eprintln!("prefecture: {error}");
    ExitCode::FAILURE
}

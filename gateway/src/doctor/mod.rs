//! `prefecture doctor`: looks at a deployment from where it stands, with the settings of `prefecture serve`, and says, a line
//! a check, what is well and what is not, with the cure. Changes nothing. What cannot be looked at is a finding as well.
//!
//! What is found out and what is thought of it are apart: the judges are pure.
//!
//! * [`settings`]: what `serve` would refuse
//! * [`database`]: asks Postgres as both logins; judged in [`postgres`] (version, settings, room), [`pooler`], [`logins`]
//!   (what they may do) and [`schemas`] (what was migrated)
//! * [`redis`]: version, memory, eviction, time of an answer; [`clocks`]: how far they differ
//! * [`public`]: the public address, through whatever stands in front

mod clocks;
mod database;
mod logins;
mod pooler;
mod postgres;
mod public;
mod redis;
mod report;
mod schemas;
mod settings;

use clap::Args;

use crate::config::ServeSettings;
use crate::program::Error;
use report::{Format, Report};

#[derive(Args)]
pub struct DoctorArgs {
    /// How to answer.
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    output: Format,

    /// The address that clients use, through whatever stands in front: https://prefect.example.org
    #[arg(long, env = "PREFECTURE_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,

    /// Replicas of `prefecture serve` on this database.
    #[arg(long, default_value_t = 1, value_name = "COUNT")]
    replicas: u32,

    #[command(flatten)]
    serve: ServeSettings,
}

/// Looks at everything that is named, and fails if anything is bad. A warning is no failure.
pub async fn doctor(args: DoctorArgs) -> Result<(), Error> {
    let ServeSettings { database, redis, edge, .. } = &args.serve;
    let mut report = Report::default();
    settings::judge(&mut report, &args.serve.wrong());
    settings::judge_keys(&mut report, &args.serve.encryption);
    let (database, redis, public) = tokio::join!(
        database::look(database, i64::from(args.replicas)),
        redis::look(redis),
        public::look(args.public_url.as_deref(), edge.body_limit)
    );
    for part in [database, redis, public] {
        report.extend(part);
    }
    report.print(args.output)?;
    match report.bad_ones() {
        0 => Ok(()),
        bad => Err(format!("{bad} of {} checks are bad", report.len()).into()),
    }
}

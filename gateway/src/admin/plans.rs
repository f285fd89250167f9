//! `admin plans`.

use clap::Subcommand;
use domain::access::is_handle;
use tenant_store::control::{By, Control, Plan};

use super::output::{Shown, row};
use crate::program::Error;

#[derive(Subcommand)]
pub enum Command {
    /// All plans: what accounts that are on them may ask a minute.
    List,
    /// Make a plan, or change it for every account that is on it. What is not given is no limit.
    Set {
        /// Lower-case letters, digits and single dashes.
        name: String,
        /// Requests a minute of the whole account.
        #[arg(long, value_parser = clap::value_parser!(i32).range(1..))]
        requests: Option<i32>,
        /// Log lines and events a minute of the whole account.
        #[arg(long, value_parser = clap::value_parser!(i32).range(1..))]
        items: Option<i32>,
        /// Requests a minute of one key.
        #[arg(long, value_parser = clap::value_parser!(i32).range(1..))]
        requests_of_a_key: Option<i32>,
        /// How many seconds' worth may come at once after a pause.
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(i32).range(1..=60))]
        burst_seconds: i32,
    },
    /// Delete a plan that no account is on.
    Delete { name: String },
}

pub async fn run(control: &Control, command: Command) -> Result<Shown, Error> {
    match command {
        Command::List => Ok(Shown::Many(control.list_plans().await?.iter().map(fields).collect())),
        Command::Set { name, requests, items, requests_of_a_key, burst_seconds } => {
            if !is_handle(&name) {
                return Err(
                    format!("{name:?} is no name of a plan: write lower-case letters, digits and dashes").into()
                );
            }
            let plan = Plan { name, requests, items, requests_of_a_key, burst_seconds };
            control.write_plan(By::Shell, &plan).await?;
            Ok(Shown::One(fields(&plan)))
        }
        Command::Delete { name } => match control.delete_plan(&name).await? {
            true => Ok(Shown::Done(format!("plan {name} is deleted"))),
            false => Err(format!("there is no plan {name:?}; `prefecture admin plans list` shows them").into()),
        },
    }
}

fn fields(plan: &Plan) -> Vec<(&'static str, serde_json::Value)> {
    row![
        name: plan.name,
        requests: plan.requests,
        items: plan.items,
        requests_of_a_key: plan.requests_of_a_key,
        burst_seconds: plan.burst_seconds,
    ]
}

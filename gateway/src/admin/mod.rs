//! `prefecture admin`: accounts, users, workspaces, keys and roles from the shell of the machine, without a server.
//!
//! Never asks back, so that it can stand in scripts: what it needs are arguments, what it answers goes to standard output
//! as text or JSON, why it failed goes to standard error with an exit code of 1.

mod accounts;
mod bots;
mod encryption;
mod identities;
mod issuers;
mod keys;
mod output;
mod plans;
mod recover;
mod roles;
mod users;
mod workspaces;

use std::collections::HashMap;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Deserialize;
use tenant_store::control::{Account, Bot, Control, ControlSettings, User, Workspace};
use tenant_store::migrate::{Owners, Provisioner};
use tenant_store::{Commits, Error as StoreError, Pool};

use crate::config::DatabaseSettings;
use crate::program::Error;
use output::{Format, Shown};

/// The login that serves requests in an installation of `prefecture dev`.
const DEV_SERVING: &str = "prefecture_serve";

#[derive(Args)]
pub struct AdminArgs {
    /// How to answer.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    output: Format,

    /// The installation of `prefecture dev` in this folder (it must be running), in place of a database URL.
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    #[command(flatten)]
    database: DatabaseSettings,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Accounts: create, list, show.
    #[command(subcommand)]
    Accounts(accounts::Command),
    /// Plans: how much accounts may ask.
    #[command(subcommand)]
    Plans(plans::Command),
    /// Users and their membership of accounts.
    #[command(subcommand)]
    Users(users::Command),
    /// Service accounts.
    #[command(subcommand)]
    Bots(bots::Command),
    /// API keys of users and service accounts.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Issuers of tokens (OIDC) that may stand in for keys.
    #[command(subcommand)]
    Issuers(issuers::Command),
    /// Identities: which tokens stand for which service account.
    #[command(subcommand)]
    Identities(identities::Command),
    /// Workspaces: create, list, delete, restore, purge.
    #[command(subcommand)]
    Workspaces(workspaces::Command),
    /// Roles, and who holds which in a workspace.
    #[command(subcommand)]
    Roles(roles::Command),
    /// Keys of secrets at rest: make one, change to another.
    #[command(subcommand)]
    Encryption(encryption::Command),
    /// Give an account an owner with a new key, when nobody can get in any more.
    RecoverOwner(recover::RecoverOwner),
}

/// Runs one command of the admin shell.
pub async fn admin(args: AdminArgs) -> Result<(), Error> {
    let control = connect(&args)?;
    let format = args.output;
    let shown = run(&control, args.command).await.map_err(readable)?;
    Ok(shown.print(format)?)
}

/// The sentences of the control plane, without the kind of error in front.
fn readable(error: Error) -> Error {
    match error.downcast_ref() {
        Some(StoreError::Conflict(sentence)) => sentence.clone().into(),
        _ => error,
    }
}

async fn run(control: &Control, command: Command) -> Result<Shown, Error> {
    match command {
        Command::Accounts(command) => accounts::run(control, command).await,
        Command::Plans(command) => plans::run(control, command).await,
        Command::Users(command) => users::run(control, command).await,
        Command::Bots(command) => bots::run(control, command).await,
        Command::Keys(command) => keys::run(control, command).await,
        Command::Issuers(command) => issuers::run(control, command).await,
        Command::Identities(command) => identities::run(control, command).await,
        Command::Workspaces(command) => workspaces::run(control, command).await,
        Command::Roles(command) => roles::run(control, command).await,
        Command::Encryption(command) => encryption::run(control, command).await,
        Command::RecoverOwner(command) => recover::run(control, command).await,
    }
}

/// What `dev` remembers of itself, as far as it matters here.
#[derive(Deserialize)]
struct DevFile {
    database_url: String,
}

fn connect(args: &AdminArgs) -> Result<Control, Error> {
    let (url, owner, serving_role) = match &args.data_dir {
        Some(folder) => {
            let path = folder.join("dev.json");
            let bytes = std::fs::read(&path)
                .map_err(|e| format!("{}: {e}. Is it the folder of a `prefecture dev`?", path.display()))?;
            let url = serde_json::from_slice::<DevFile>(&bytes)?.database_url;
            (url.clone(), url, DEV_SERVING.to_owned())
        }
        None => (args.database.url()?, args.database.owner_url()?, args.database.serving_role()?),
    };
    let owners = Owners {
        places: HashMap::from([("default".to_owned(), owner.clone())]),
        control: owner,
        serving_role,
        tenant_roles: args.database.tenant_roles,
    };
    let pool = Pool::new(&url.parse()?, args.database.pool()?, Commits::told_to_nobody())?;
    // One command, one connection.
    let settings = ControlSettings {
        url,
        connections: 1,
        wait: args.database.pool_wait,
        patience: args.database.database_patience,
        pooler: args.database.database_pooler.into(),
        idle_transaction: args.database.idle_transaction,
    };
    let provisioner = Provisioner::new(owners, args.database.spare_schemas);
    Ok(Control::new(
        &settings,
        HashMap::from([("default".to_owned(), pool)]),
        Some(provisioner),
        Commits::told_to_nobody(),
    )?)
}

async fn account(control: &Control, handle: &str) -> Result<Account, Error> {
    let account = control.account_by_handle(handle).await?;
    account.ok_or_else(|| format!("there is no account {handle:?}; `prefecture admin accounts list` shows them").into())
}

async fn user(control: &Control, handle_or_email: &str) -> Result<User, Error> {
    let user = control.find_user(handle_or_email).await?;
    user.ok_or_else(|| format!("there is no user {handle_or_email:?}; `prefecture admin users list` shows them").into())
}

/// By `account/name`.
async fn bot(control: &Control, address: &str) -> Result<Bot, Error> {
    let (handle, name) = address.split_once('/').ok_or("name a service account as ACCOUNT/NAME")?;
    let account = account(control, handle).await?;
    let found = control.list_bots(account.id, Some(&[name.to_owned()]), 1, 0).await?.pop();
    found.ok_or_else(|| {
        format!("there is no service account {address:?}; `prefecture admin bots list` shows them").into()
    })
}

/// By `account/workspace` or by its id, deleted or not in the second case.
async fn workspace(control: &Control, address: &str) -> Result<Workspace, Error> {
    let id = match uuid::Uuid::try_parse(address) {
        Ok(id) => Some(domain::WorkspaceId(id)),
        Err(_) => control.find_workspace(address).await?.map(|(_, id)| id),
    };
    let found = match id {
        Some(id) => control.any_workspace(id).await?,
        None => None,
    };
    found.ok_or_else(|| {
        format!("there is no workspace {address:?}; `prefecture admin workspaces list --deleted` shows them all").into()
    })
}

/// A handle that was given, or one made of a name.
fn handle(given: Option<String>, name: &str) -> Result<String, Error> {
    let handle = match given {
        Some(handle) => handle,
        None => domain::access::handle_of(name)
            .ok_or_else(|| format!("{name:?} gives no handle; name one with --handle"))?,
    };
    match domain::access::is_handle(&handle) {
        true => Ok(handle),
        false => {
            Err(format!("{handle:?} is no handle: write lower-case letters, digits and single dashes between them")
                .into())
        }
    }
}

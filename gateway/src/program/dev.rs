//! `prefecture dev`: a whole installation in one folder, for a laptop.
//!
//! A second start on the same folder serves the same data with the same key. What it needs to remember is in
//! `DIR/dev.json`, readable by its owner alone.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use domain::access::AccountRole;
use domain::{AccountId, WorkspaceId};
use serde::{Deserialize, Serialize};
use tenant_store::control::{By, Control, NewAccount, NewKey, NewUser, NewWorkspace};
use tenant_store::encryption::KeyRing;
use tenant_store::migrate::{Login, Owners, bootstrap_roles};

use super::commands::DevArgs;
use super::{Error, migrate, run, say};
use crate::config::{DatabasePooler, DatabaseSettings, EncryptionSettings};
use crate::embedded::Embedded;
use crate::telemetry::Telemetry;

/// The login that serves requests: also on a laptop it owns nothing.
const SERVING: &str = "prefecture_serve";

/// What a script needs to know; written to `DIR/dev.json`.
#[derive(Serialize, Deserialize)]
struct DevFile {
    root_url: String,
    api_url: String,
    cloud_api_url: String,
    api_key: String,
    account_id: AccountId,
    workspace_id: WorkspaceId,
    database_url: String,
}

pub async fn dev(args: DevArgs, telemetry: &Telemetry) -> Result<(), Error> {
    let mut stop = run::Stop::listen()?;
    args.edge.validate()?;
    args.listen.validate()?;
    args.tokens.validate()?;
    args.services.validate()?;
    let embedded = Embedded::start(&args.data_dir).await?;
    let served = serve(&args, &embedded, &mut stop, telemetry).await;
    // Whatever happened, the database is stopped in order.
    embedded.stop().await?;
    served
}

async fn serve(args: &DevArgs, embedded: &Embedded, stop: &mut run::Stop, telemetry: &Telemetry) -> Result<(), Error> {
    let owners = Owners {
        control: embedded.database_url(),
        places: [("default".to_owned(), embedded.database_url())].into(),
        serving_role: SERVING.to_owned(),
        tenant_roles: true,
    };
    let file = args.data_dir.join("dev.json");
    let remembered = fs::read(&file).ok().and_then(|bytes| serde_json::from_slice::<DevFile>(&bytes).ok());
    if remembered.is_none() {
        let login = Login { name: SERVING.to_owned(), password: None };
        for undone in bootstrap_roles(&embedded.superuser_url(), "prefecture", &login).await? {
            tracing::warn!("{undone}");
        }
    }
    migrate::migrate_all(&owners, 2, false).await?;

    let database = DatabaseSettings {
        database_url: Some(embedded.url_for(SERVING)),
        owner_database_url: Some(embedded.database_url()),
        pool_size: 16,
        control_pool_size: 4,
        pool_wait: Duration::from_secs(5),
        database_patience: tenant_store::PoolSettings::default().patience,
        idle_transaction: tenant_store::PoolSettings::default().idle_transaction,
        database_pooler: DatabasePooler::None,
        tenant_roles: true,
        spare_schemas: 2,
        delete_grace: Duration::from_secs(7 * 86_400),
    };
    let encryption = EncryptionSettings { encryption_keys: Some(encryption_keys(&args.data_dir)?) };
    let settings = run::Settings {
        listen: &args.listen,
        database: &database,
        edge: &args.edge,
        redis: &args.redis,
        cache: &args.cache,
        tokens: &args.tokens,
        encryption: &encryption,
        services: &args.services,
    };
    let running = run::start(&settings, owners, telemetry).await?;
    let root_url = running.serving.url.clone();
    let (account_id, workspace_id, api_key) = match remembered {
        Some(known) => (known.account_id, known.workspace_id, known.api_key),
        None => first_tenant(&running.control).await?,
    };
    let dev = DevFile {
        api_url: format!("{root_url}/api/accounts/{account_id}/workspaces/{workspace_id}"),
        cloud_api_url: format!("{root_url}/api"),
        root_url,
        api_key,
        account_id,
        workspace_id,
        database_url: embedded.database_url(),
    };
    write_private(&file, &serde_json::to_vec_pretty(&dev)?)?;
    announce(&dev, embedded.cluster_dir());
    stop.told().await;
    running.end().await;
    Ok(())
}

/// The keys of secrets at rest, made at the first start.
fn encryption_keys(data_dir: &Path) -> Result<String, Error> {
    let file = data_dir.join("encryption-keys");
    match fs::read_to_string(&file) {
        Ok(keys) => Ok(keys),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let keys = KeyRing::generate("dev");
            write_private(&file, keys.as_bytes())?;
            Ok(keys)
        }
        Err(error) => Err(format!("{} cannot be read: {error}", file.display()).into()),
    }
}

/// Account `demo` with workspace `default`, and an owner with a key. Takes up what a start that was cut short left.
async fn first_tenant(control: &Control) -> Result<(AccountId, WorkspaceId, String), Error> {
    let account = match control.account_by_handle("demo").await? {
        Some(account) => account,
        None => control.create_account(By::Shell, &NewAccount { handle: "demo", name: "Demo" }).await?,
    };
    let user = match control.find_user("owner").await? {
        Some(user) => user,
        None => {
            let new = NewUser { handle: "owner", first_name: "Demo", last_name: "Owner", email: None };
            control.create_user(By::Shell, &new).await?
        }
    };
    control.add_member(By::Shell, account.id, user.id, AccountRole::Owner.id()).await?;
    let workspace = match control.find_workspace("demo/default").await? {
        Some((_, workspace)) => workspace,
        None => {
            let new = NewWorkspace { handle: "default", name: "Default", description: "", placement: "default" };
            control.create_workspace(By::Shell, account.id, &new).await?.id
        }
    };
    let key = control.create_key(By::Shell, user.actor, &NewKey { name: "dev", expiration: None }).await?;
    let key = key.ok_or("the owner went away while a key was made for them")?;
    Ok((account.id, workspace, key.key.secret().to_owned()))
}

/// Replaces the file in one step; its owner alone can read it.
fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(bytes)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(fresh, path)
}

fn announce(dev: &DevFile, data: &Path) {
    say(format_args!(
        "Prefecture is ready.

  API    {api}
  docs   {root}/docs
  data   {data}

Connect the Prefect SDK, CLI and workers of this shell:

  export PREFECT_CLOUD_API_URL={cloud}
  export PREFECT_API_URL={api}
  export PREFECT_API_KEY={key}

Ctrl-C stops it; the data stays.
listening on {root}",
        api = dev.api_url,
        root = dev.root_url,
        cloud = dev.cloud_api_url,
        key = dev.api_key,
        data = data.display(),
    ));
}

//! The database and how many connections to it.

use std::time::Duration;

use clap::Args;
use tenant_store::pool::Pooler;
use tenant_store::{NotPostgres, PoolSettings, Postgres};

use super::{WrongSetting, duration, on_off};

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Database")]
pub struct DatabaseSettings {
    /// Postgres, as the serving login: postgres://prefecture_serve@host/prefecture. With ?sslmode=verify-full the connection
    /// is encrypted and the server's certificate checked, against the system's roots and those in sslrootcert.
    #[arg(long, env = "PREFECTURE_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<String>,

    /// Postgres, as the login that owns the schemas, for migrations and new workspaces; the serving one by default.
    #[arg(long, env = "PREFECTURE_OWNER_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub owner_database_url: Option<String>,

    /// Connections for the work of workspaces.
    #[arg(long, env = "PREFECTURE_POOL_SIZE", default_value_t = 16, value_name = "COUNT")]
    pub pool_size: usize,

    /// Connections for keys, accounts and workspaces.
    #[arg(long, env = "PREFECTURE_CONTROL_POOL_SIZE", default_value_t = 4, value_name = "COUNT")]
    pub control_pool_size: usize,

    /// Longest wait for a connection; then 503.
    #[arg(long, env = "PREFECTURE_POOL_WAIT", default_value = "5s", value_parser = duration, value_name = "DURATION")]
    pub pool_wait: Duration,

    /// Longest time the database may take to answer a ping; then it counts as away, and what waits for it is answered 503.
    #[arg(long, env = "PREFECTURE_DATABASE_PATIENCE", default_value = "1s", value_parser = duration, value_name = "DURATION")]
    pub database_patience: Duration,

    /// Longest time a transaction may wait for its next statement; then Postgres ends it and lets go of what it holds.
    #[arg(long, env = "PREFECTURE_IDLE_TRANSACTION", default_value = "5s", value_parser = duration, value_name = "DURATION")]
    pub idle_transaction: Duration,

    /// What the serving login's URL leads to: none (Postgres, or a pooler that keeps a connection for each of ours) or
    /// transaction (PgBouncer with pool_mode = transaction). Migrations and new workspaces go past such a pooler, by
    /// PREFECTURE_OWNER_DATABASE_URL.
    #[arg(long, env = "PREFECTURE_DATABASE_POOLER", value_enum, default_value_t = DatabasePooler::None, value_name = "POOLER")]
    pub database_pooler: DatabasePooler,

    /// A database role for each workspace, as a second fence: on or off (some managed databases give no roles).
    #[arg(long, env = "PREFECTURE_TENANT_ROLES", default_value = "on", value_parser = on_off, action = clap::ArgAction::Set, value_name = "on|off")]
    pub tenant_roles: bool,

    /// Spare workspace schemas kept ready.
    #[arg(long, env = "PREFECTURE_SPARE_SCHEMAS", default_value_t = 2, value_name = "COUNT")]
    pub spare_schemas: usize,

    /// How long a deleted workspace can be restored.
    #[arg(long, env = "PREFECTURE_DELETE_GRACE", default_value = "7d", value_parser = duration, value_name = "DURATION")]
    pub delete_grace: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum DatabasePooler {
    None,
    Transaction,
}

impl From<DatabasePooler> for Pooler {
    fn from(pooler: DatabasePooler) -> Self {
        match pooler {
            DatabasePooler::None => Self::None,
            DatabasePooler::Transaction => Self::Transaction,
        }
    }
}

const EXAMPLE: &str = "postgres://prefecture_serve:secret@db.internal:5432/prefecture";

impl DatabaseSettings {
    /// The serving login's URL: `--database-url`, PREFECTURE_DATABASE_URL or DATABASE_URL.
    pub fn url(&self) -> Result<String, WrongSetting> {
        let url =
            self.database_url.clone().or_else(|| std::env::var("DATABASE_URL").ok()).filter(|url| !url.is_empty());
        let url =
            url.ok_or_else(|| WrongSetting::new("PREFECTURE_DATABASE_URL (or DATABASE_URL)", "is not set", EXAMPLE))?;
        check(&url, "PREFECTURE_DATABASE_URL (or DATABASE_URL)")?;
        Ok(url)
    }

    pub fn owner_url(&self) -> Result<String, WrongSetting> {
        match self.owner_database_url.clone().filter(|url| !url.is_empty()) {
            Some(url) => check(&url, "PREFECTURE_OWNER_DATABASE_URL").map(|()| url),
            None if self.database_pooler == DatabasePooler::Transaction => Err(WrongSetting::new(
                "PREFECTURE_OWNER_DATABASE_URL",
                "is not set, and schemas cannot be made through a pooler of transactions: it must lead to Postgres itself",
                "postgres://prefecture:secret@db.internal:5432/prefecture",
            )),
            None => self.url(),
        }
    }

    /// The name of the serving login, which migrations give its rights.
    pub fn serving_role(&self) -> Result<String, WrongSetting> {
        let postgres: Option<Postgres> = self.url()?.parse().ok();
        postgres
            .and_then(|postgres| postgres.user().map(str::to_owned))
            .ok_or_else(|| WrongSetting::new("PREFECTURE_DATABASE_URL (or DATABASE_URL)", "names no user", EXAMPLE))
    }

    pub fn pool(&self) -> Result<PoolSettings, WrongSetting> {
        if self.pool_size == 0 || self.pool_size > 1000 {
            return Err(WrongSetting::new("--pool-size (PREFECTURE_POOL_SIZE)", "must be between 1 and 1000", "16"));
        }
        if self.control_pool_size == 0 {
            return Err(WrongSetting::new(
                "--control-pool-size (PREFECTURE_CONTROL_POOL_SIZE)",
                "must be at least 1",
                "4",
            ));
        }
        if self.pool_wait < Duration::from_millis(100) {
            return Err(WrongSetting::new(
                "--pool-wait (PREFECTURE_POOL_WAIT)",
                "less than it may take to connect: 100ms at least",
                "5s",
            ));
        }
        if self.database_patience < Duration::from_millis(100) {
            return Err(WrongSetting::new(
                "--database-patience (PREFECTURE_DATABASE_PATIENCE)",
                "less than a database that is busy may take: 100ms at least",
                "1s",
            ));
        }
        if self.idle_transaction < Duration::from_secs(1) || self.idle_transaction > Duration::from_secs(60) {
            return Err(WrongSetting::new(
                "--idle-transaction (PREFECTURE_IDLE_TRANSACTION)",
                "must be between 1s and 60s",
                "5s",
            ));
        }
        Ok(PoolSettings {
            size: self.pool_size,
            wait: self.pool_wait,
            patience: self.database_patience,
            idle_transaction: self.idle_transaction,
            tenant_roles: self.tenant_roles,
            pooler: self.database_pooler.into(),
            ..PoolSettings::default()
        })
    }
}

fn check(url: &str, setting: &'static str) -> Result<(), WrongSetting> {
    let wrong = |why: NotPostgres| WrongSetting::new(setting, why.to_string(), EXAMPLE);
    url.parse::<Postgres>().map(drop).map_err(wrong)
}

//! `prefecture migrate`.

use std::collections::HashMap;

use tenant_store::migrate::{self, Owners, Progress};

use super::Error;
use super::commands::MigrateArgs;
use crate::config::DatabaseSettings;

/// The logins that own the schemas.
pub fn owners(database: &DatabaseSettings) -> Result<Owners, Error> {
    let control = database.owner_url()?;
    Ok(Owners {
        places: HashMap::from([("default".to_owned(), control.clone())]),
        control,
        serving_role: database.serving_role()?,
        tenant_roles: database.tenant_roles,
    })
}

pub async fn migrate_command(args: MigrateArgs) -> Result<(), Error> {
    migrate_all(&owners(&args.database)?, args.parallel, true).await
}

/// Control first, then every workspace; `show` prints a line for each that changed.
pub async fn migrate_all(owners: &Owners, parallel: usize, show: bool) -> Result<(), Error> {
    let files = migrate::migrate_control(owners).await?;
    migrate::migrate_cells(owners).await?;
    if show {
        eprintln!("control: {}", if files.is_empty() { "up to date".to_owned() } else { files.join(", ") });
    }
    let progress = move |progress: Progress| {
        let changed = progress.outcome != migrate::Outcome::Current;
        if show && (changed || progress.done == progress.total) {
            eprintln!("{}/{} {:?}: {:?}", progress.done, progress.total, progress.subject, progress.outcome);
        }
    };
    let report = migrate::migrate_workspaces(owners, parallel, &progress).await?;
    if report.failed.is_empty() {
        if show {
            eprintln!("workspaces: {} migrated, {} were up to date", report.migrated, report.current);
        }
        return Ok(());
    }
    let (subject, why) = &report.failed[0];
    let stopped = if report.stopped { "; the others were left as they are" } else { "" };
    Err(format!(
        "{} schemas could not be migrated{stopped}. First: {subject:?}: {why}. Mend it and run migrate again.",
        report.failed.len()
    )
    .into())
}

//! Asks Postgres, as both logins.

use tenant_store::inspect::{Inspection, Login};
use tenant_store::{Error, Result};

use super::postgres::Pools;
use super::report::Report;
use super::{clocks, logins, pooler, postgres, schemas};
use crate::config::{DatabasePooler, DatabaseSettings};

const SERVING: &str = "postgres";
const OWNER: &str = "owner's postgres";

/// What was asked is judged; what gave no answer is said. Without an address, which the settings' own check tells of, there
/// is nothing to look at.
pub async fn look(settings: &DatabaseSettings, replicas: i64) -> Report {
    let mut report = Report::default();
    let (Ok(url), Ok(owner_url)) = (settings.url(), settings.owner_url()) else {
        report.skipped(SERVING, "its settings must be right first");
        return report;
    };
    let mut owners = Report::default();
    let (serving, owner) = tokio::join!(
        as_serving(&mut report, settings, &url, replicas),
        as_owner(&mut owners, settings.tenant_roles, &owner_url)
    );
    let serving = serving.unwrap_or_else(|error| {
        let cure = "is Postgres up, and are host, port, user, password and database of PREFECTURE_DATABASE_URL right?";
        report.bad(SERVING, error, cure);
        None
    });
    let owner = owner.unwrap_or_else(|error| {
        let cure = "see PREFECTURE_OWNER_DATABASE_URL: migrations and new workspaces need it";
        owners.bad(OWNER, error, cure);
        None
    });
    if let (Some(serving), Some(owner)) = (serving, owner) {
        logins::judge_both(&mut owners, &serving, &owner);
    }
    report.extend(owners);
    report
}

async fn as_serving(
    report: &mut Report,
    settings: &DatabaseSettings,
    url: &str,
    replicas: i64,
) -> Result<Option<Login>> {
    let inspection = Inspection::begin(url).await?;
    let (server, around) = clocks::timed(inspection.server()).await;
    let server = server?;
    report.good(SERVING, "answers");
    let (way, schemas) = (inspection.way().await, inspection.schemas().await?);
    let pools = Pools {
        work: settings.pool_size as i64,
        control: settings.control_pool_size as i64,
        replicas,
        pooled: way.as_ref().is_ok_and(|way| pooler::is_there(*way)),
    };
    postgres::judge(report, &server, pools, schemas.tables);
    match way {
        Ok(way) => pooler::judge_serving(report, way, settings.database_pooler == DatabasePooler::Transaction),
        Err(error) => report.warning("pooler", unseen(&error), pooler::ROOM),
    }
    clocks::judge(report, "clock of postgres", server.now, around);
    let login = inspection.login().await?;
    logins::judge_serving(report, &login, settings.tenant_roles);
    schemas::judge(report, &schemas, &login.name);
    Ok(Some(login))
}

async fn as_owner(report: &mut Report, tenant_roles: bool, url: &str) -> Result<Option<Login>> {
    let inspection = Inspection::begin(url).await?;
    let login = inspection.login().await?;
    report.good(OWNER, "answers");
    logins::judge_owner(report, &login, tenant_roles);
    match inspection.way().await {
        Ok(way) => pooler::judge_owner(report, way),
        Err(error) => report.warning("owner's pooler", unseen(&error), pooler::ROOM),
    }
    Ok(Some(login))
}

fn unseen(error: &Error) -> String {
    format!("a second connection could not look: {error}")
}

//! All schemas of workspaces, the live, the deleted and the spare ones, brought to this program's version.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use domain::WorkspaceId;
use futures_util::future::join_all;
use tokio_postgres::Client;

use super::owner::Owners;
use super::schema;
use crate::scope::SchemaName;
use crate::{Error, Result};

/// Whose schema it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Workspace(WorkspaceId),
    Spare,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is of this program's version already, or of a newer one.
    Current,
    Migrated {
        from: i32,
        to: i32,
    },
    Failed(String),
}

/// One schema is done.
#[derive(Clone, Debug)]
pub struct Progress {
    pub done: usize,
    pub total: usize,
    pub subject: Subject,
    pub outcome: Outcome,
}

/// What a whole run did.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub current: usize,
    pub migrated: usize,
    pub failed: Vec<(Subject, String)>,
    /// A canary failed, and the others were left as they are.
    pub stopped: bool,
}

struct Job {
    subject: Subject,
    schema: SchemaName,
    placement: String,
    canary: bool,
}

/// Migrates the canaries one after another and, if all went well, the others, `parallel` at a time. A schema that fails
/// does not keep the others back; the next run tries it again.
pub async fn migrate_workspaces(
    owners: &Owners,
    parallel: usize,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Report> {
    let control = owners.control().await?;
    let jobs = jobs(&control).await?;
    let total = jobs.len();
    let report = Mutex::new(Report::default());
    let tell = |subject: Subject, outcome: Outcome| {
        // Held for these lines only, in which nothing panics but the caller's own function.
        let mut report = report.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match &outcome {
            Outcome::Current => report.current += 1,
            Outcome::Migrated { .. } => report.migrated += 1,
            Outcome::Failed(why) => report.failed.push((subject, why.clone())),
        }
        let done = report.current + report.migrated + report.failed.len();
        progress(Progress { done, total, subject, outcome });
    };
    let (canaries, others): (VecDeque<Job>, VecDeque<Job>) = jobs.into_iter().partition(|job| job.canary);

    work(owners, &Mutex::new(canaries), &tell).await;
    let healthy = report.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).failed.is_empty();
    if healthy {
        let others = Mutex::new(others);
        join_all((0..parallel.max(1)).map(|_| work(owners, &others, &tell))).await;
    }
    let mut report = report.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    report.stopped = !healthy;
    Ok(report)
}

/// Every schema, those that go first marked: the workspaces that were named canaries or else one of the schemas there are,
/// a spare one before any other.
async fn jobs(control: &Client) -> Result<Vec<Job>> {
    let sql = "select w.id, w.schema_name, w.placement, w.canary from control.workspace w
        union all select null, s.schema_name, s.placement, false from control.spare s where s.schema_version > 0
        order by 4 desc, 1 nulls first, 2";
    let mut jobs = Vec::new();
    for row in control.query(sql, &[]).await? {
        let id: Option<WorkspaceId> = row.try_get(0)?;
        let name: &str = row.try_get(1)?;
        let schema = SchemaName::from_column(name).ok_or_else(|| Error::internal(format!("schema name {name:?}")))?;
        let subject = id.map_or(Subject::Spare, Subject::Workspace);
        jobs.push(Job { subject, schema, placement: row.try_get(2)?, canary: row.try_get(3)? });
    }
    if let Some(first) = jobs.first_mut() {
        first.canary = true;
    }
    Ok(jobs)
}

/// Takes jobs until there are none, on one connection to each database.
async fn work(owners: &Owners, queue: &Mutex<VecDeque<Job>>, tell: &(dyn Fn(Subject, Outcome) + Sync)) {
    let mut clients: HashMap<String, Client> = HashMap::new();
    let mut control = None;
    loop {
        let job = queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).pop_front();
        let Some(job) = job else { return };
        let outcome = match migrate(owners, &mut clients, &mut control, &job).await {
            Ok((from, to)) if from == to => Outcome::Current,
            Ok((from, to)) => Outcome::Migrated { from, to },
            Err(error) => Outcome::Failed(error.to_string()),
        };
        tell(job.subject, outcome);
    }
}

async fn migrate(
    owners: &Owners,
    clients: &mut HashMap<String, Client>,
    control: &mut Option<Client>,
    job: &Job,
) -> Result<(i32, i32)> {
    if clients.get(&job.placement).is_none_or(Client::is_closed) {
        clients.insert(job.placement.clone(), owners.place(&job.placement).await?);
    }
    let client = clients.get_mut(&job.placement).ok_or_else(|| Error::internal("a connection that was just made"))?;
    let versions = schema::bring_up(client, owners, &job.schema).await?;
    if control.as_ref().is_none_or(Client::is_closed) {
        *control = Some(owners.control().await?);
    }
    let control = control.as_ref().ok_or_else(|| Error::internal("a connection that was just made"))?;
    // A spare may have become a workspace meanwhile: whichever row there is gets the copy.
    for sql in [
        "update control.workspace set schema_version = $2 where schema_name = $1 and schema_version <> $2",
        "update control.spare set schema_version = $2 where schema_name = $1 and schema_version <> $2",
    ] {
        control.execute(sql, &[&job.schema.as_str(), &versions.1]).await?;
    }
    Ok(versions)
}

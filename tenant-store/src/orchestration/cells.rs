//! Rows that hold several objects, read cell by cell.

use domain::TaskRunId;
use domain::run::{FlowRunCore, FlowRunPolicy, Progress, TaskRunCore, TaskRunPolicy};
use domain::state::State;
use domain::stored::Stored;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;
use wire::Time;

use crate::{Error, Result};

/// Takes the cells of a row in turn.
pub(crate) struct Cells<'r> {
    row: &'r Row,
    at: usize,
}

impl<'r> Cells<'r> {
    pub fn of(row: &'r Row) -> Self {
        Self { row, at: 0 }
    }

    pub fn next<T: FromSql<'r>>(&mut self) -> Result<T, tokio_postgres::Error> {
        self.at += 1;
        self.row.try_get(self.at - 1)
    }

    /// The next object of `width` cells, unless its first cell is null.
    pub fn object<T>(
        &mut self,
        width: usize,
        read: impl FnOnce(&mut Self) -> Result<T, tokio_postgres::Error>,
    ) -> Result<Option<T>, tokio_postgres::Error> {
        let first: Option<IsThere> = self.row.try_get(self.at)?;
        if first.is_none() {
            self.at += width;
            return Ok(None);
        }
        read(self).map(Some)
    }
}

/// A cell of any type that is not null.
struct IsThere;

impl FromSql<'_> for IsThere {
    fn from_sql(_: &tokio_postgres::types::Type, _: &[u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(IsThere)
    }

    fn accepts(_: &tokio_postgres::types::Type) -> bool {
        true
    }
}

/// What bookkeeping keeps of a run, as stored. The columns after its id and own ones, in this order:
/// `state, run_count, expected_start_time, next_scheduled_start_time, start_time, end_time, total_run_time`.
pub(crate) struct StoredProgress {
    state: Option<Stored<State>>,
    run_count: i32,
    expected_start_time: Option<Time>,
    next_scheduled_start_time: Option<Time>,
    start_time: Option<Time>,
    end_time: Option<Time>,
    total_run_time: f64,
}

impl StoredProgress {
    pub fn read(cells: &mut Cells<'_>) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            state: cells.next()?,
            run_count: cells.next()?,
            expected_start_time: cells.next()?,
            next_scheduled_start_time: cells.next()?,
            start_time: cells.next()?,
            end_time: cells.next()?,
            total_run_time: cells.next()?,
        })
    }

    pub fn parse(self) -> Result<Progress> {
        Ok(Progress {
            state: self.state.map(|state| state.parse()).transpose().map_err(unreadable)?,
            run_count: self.run_count.into(),
            expected_start_time: self.expected_start_time,
            next_scheduled_start_time: self.next_scheduled_start_time,
            start_time: self.start_time,
            end_time: self.end_time,
            total_run_micros: (self.total_run_time * 1e6).round() as i64,
        })
    }
}

/// Columns of [`StoredTask`], of a task run `t`.
macro_rules! task_columns {
    () => {
        "t.id, t.name, t.flow_run_id, t.task_key, t.tags, t.flow_run_run_count, t.empirical_policy, \
         t.state, t.run_count, t.expected_start_time, t.next_scheduled_start_time, t.start_time, t.end_time, t.total_run_time"
    };
}
pub(crate) use task_columns;

/// A task run as the rules need it.
pub(crate) struct StoredTask {
    pub id: TaskRunId,
    pub name: String,
    flow_run_id: Option<domain::FlowRunId>,
    task_key: String,
    pub tags: Vec<String>,
    flow_run_run_count: i32,
    empirical_policy: Stored<TaskRunPolicy>,
    progress: StoredProgress,
}

impl StoredTask {
    pub const WIDTH: usize = 14;

    pub fn read(cells: &mut Cells<'_>) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            id: cells.next()?,
            name: cells.next()?,
            flow_run_id: cells.next()?,
            task_key: cells.next()?,
            tags: cells.next()?,
            flow_run_run_count: cells.next()?,
            empirical_policy: cells.next()?,
            progress: StoredProgress::read(cells)?,
        })
    }

    pub fn parse(self) -> Result<TaskRunCore> {
        Ok(TaskRunCore {
            id: self.id,
            flow_run_id: self.flow_run_id,
            task_key: self.task_key,
            tags: self.tags,
            flow_run_run_count: self.flow_run_run_count.into(),
            empirical_policy: TaskRunPolicy::from_stored(&self.empirical_policy.0).map_err(unreadable)?,
            progress: self.progress.parse()?,
        })
    }
}

/// A flow run as the rules need it.
pub(crate) struct StoredFlow {
    pub id: domain::FlowRunId,
    name: String,
    deployment_id: Option<domain::DeploymentId>,
    parent_task_run_id: Option<TaskRunId>,
    infrastructure_pid: Option<String>,
    empirical_policy: Stored<FlowRunPolicy>,
    progress: StoredProgress,
}

/// Columns of [`StoredFlow`], of a flow run `r`.
macro_rules! flow_columns {
    () => {
        "r.id, r.name, r.deployment_id, r.parent_task_run_id, r.infrastructure_pid, r.empirical_policy, \
         r.state, r.run_count, r.expected_start_time, r.next_scheduled_start_time, r.start_time, r.end_time, r.total_run_time"
    };
}
pub(crate) use flow_columns;

impl StoredFlow {
    pub fn read(cells: &mut Cells<'_>) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            id: cells.next()?,
            name: cells.next()?,
            deployment_id: cells.next()?,
            parent_task_run_id: cells.next()?,
            infrastructure_pid: cells.next()?,
            empirical_policy: cells.next()?,
            progress: StoredProgress::read(cells)?,
        })
    }

    pub fn parse(self) -> Result<FlowRunCore> {
        Ok(FlowRunCore {
            id: self.id,
            name: self.name,
            deployment_id: self.deployment_id,
            parent_task_run_id: self.parent_task_run_id,
            infrastructure_pid: self.infrastructure_pid,
            empirical_policy: FlowRunPolicy::from_stored(&self.empirical_policy.0).map_err(unreadable)?,
            progress: self.progress.parse()?,
        })
    }
}

/// Only this program writes these columns, so what it cannot read is its own defect.
fn unreadable(error: serde_json::Error) -> Error {
    Error::internal(format!("a stored run cannot be read: {error}"))
}

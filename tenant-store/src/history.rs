//! Histories of runs, interval by interval over the index of expected starts: an interval's few states are counted as its
//! runs are read, where of all intervals together Postgres expects so many groups that it sorts the runs first. Flow runs and
//! task runs differ in their table alone.

use domain::history::{HistoryResponse, HistoryResponseState, Intervals};
use domain::state::StateType;
use wire::Time;

use crate::sql::Sql;
use crate::{Result, Tx};

/// Seconds a run has run, and seconds it is or was late, as of now.
macro_rules! estimates {
    ($run:literal) => {
        concat!(
            "case when ",
            $run,
            ".state_type = 2 then ",
            $run,
            ".total_run_time + date_part('epoch', now() - ",
            $run,
            ".state_timestamp) else ",
            $run,
            ".total_run_time end"
        )
    };
    (late $run:literal) => {
        concat!(
            "case when ",
            $run,
            ".start_time > ",
            $run,
            ".expected_start_time then date_part('epoch', ",
            $run,
            ".start_time - ",
            $run,
            ".expected_start_time) when ",
            $run,
            ".start_time is null and ",
            $run,
            ".expected_start_time < now() and (",
            $run,
            ".state_type is null or ",
            $run,
            ".state_type not in (3, 4, 5, 6)) then date_part('epoch', now() - ",
            $run,
            ".expected_start_time) else 0::float8 end"
        )
    };
}
pub(crate) use estimates;

/// The texts that name a table.
pub(crate) struct Source {
    pub select: &'static str,
    pub from: &'static str,
}

macro_rules! source {
    ($table:literal, $run:literal) => {
        $crate::history::Source {
            select: concat!(
                "(select ", $run, ".state_type, ", $run, ".state_name, count(*) as runs, sum(greatest(0, ",
                $crate::history::estimates!($run), ")) as run_time, sum(greatest(0, ", $crate::history::estimates!(late $run),
                ")) as lateness",
            ),
            from: concat!(
                " from ", $table, " ", $run, " where ", $run, ".expected_start_time >= i.start and ",
                $run, ".expected_start_time < i.start + {}::float8 * interval '1 microsecond'",
            ),
        }
    };
}
pub(crate) use source;

type Row = (Time, Option<StateType>, Option<String>, i64, f64, f64);

/// The statement. `narrow` adds conditions.
pub(crate) fn statement<'a>(source: &Source, intervals: &Intervals, narrow: impl Fn(&mut Sql<'a>)) -> Sql<'a> {
    let starts: Vec<Time> = (0..intervals.count).map(|nth| intervals.begin(nth)).collect();
    let mut sql = Sql::new("select i.start, s.* from ");
    sql.template("unnest({}::timestamptz[]) i(start) cross join lateral ", starts);
    sql.push(source.select).template(source.from, intervals.length as f64);
    narrow(&mut sql);
    sql.push(" group by 1, 2) s");
    sql
}

pub(crate) async fn read(tx: &mut Tx<'_>, intervals: &Intervals, statement: Sql<'_>) -> Result<Vec<HistoryResponse>> {
    if intervals.count == 0 {
        return Ok(Vec::new());
    }
    let rows: Vec<Row> = tx.counted_of(statement).await?;
    Ok(intervals.history(rows.into_iter().filter_map(state)))
}

fn state((begin, kind, name, count_runs, run_time, lateness): Row) -> Option<(Time, HistoryResponseState)> {
    let state_type = kind?;
    let state_name = name.unwrap_or_else(|| state_type.default_name().to_owned());
    let state = HistoryResponseState {
        state_type,
        state_name,
        count_runs,
        sum_estimated_run_time: run_time,
        sum_estimated_lateness: lateness,
    };
    Some((begin, state))
}

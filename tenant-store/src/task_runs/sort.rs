//! Orders of task runs (reference: `server/schemas/sorting.py`, `TaskRunSort`), and the pages they give.

use crate::sql::{Order, Part, Sql};

/// Orders of task runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, wire::Input)]
pub enum TaskRunSort {
    #[default]
    IdDesc,
    ExpectedStartTimeAsc,
    ExpectedStartTimeDesc,
    NameAsc,
    NameDesc,
    NextScheduledStartTimeAsc,
    EndTimeDesc,
    DurationDesc,
    DurationAsc,
}

impl TaskRunSort {
    pub const ALL: [Self; 9] = [
        Self::IdDesc,
        Self::ExpectedStartTimeAsc,
        Self::ExpectedStartTimeDesc,
        Self::NameAsc,
        Self::NameDesc,
        Self::NextScheduledStartTimeAsc,
        Self::EndTimeDesc,
        Self::DurationDesc,
        Self::DurationAsc,
    ];

    /// A page of `columns`; `narrow` adds conditions (` and …`).
    pub(super) fn page<'a>(
        self,
        columns: &'static str,
        narrow: impl Fn(&mut Sql<'a>),
        limit: i64,
        offset: i64,
    ) -> Sql<'a> {
        let order = match self {
            Self::IdDesc => Order::Whole("t.id desc"),
            Self::ExpectedStartTimeAsc => Order::Whole("t.expected_start_time, t.id"),
            Self::ExpectedStartTimeDesc => Order::Whole("t.expected_start_time desc, t.id desc"),
            Self::NameAsc => Order::Whole("t.name, t.id"),
            Self::NameDesc => Order::Whole("t.name desc, t.id desc"),
            Self::NextScheduledStartTimeAsc => Order::Parts([
                Part { of: "t.next_scheduled_start_time is not null", by: "t.next_scheduled_start_time, t.id" },
                Part { of: "t.next_scheduled_start_time is null", by: "t.id desc" },
            ]),
            Self::EndTimeDesc => Order::Parts([
                Part { of: "t.end_time is not null", by: "t.end_time desc, t.id desc" },
                Part { of: "t.end_time is null", by: "t.id desc" },
            ]),
            Self::DurationDesc => return by_duration(&LONGEST, columns, narrow, limit, offset),
            Self::DurationAsc => return by_duration(&SHORTEST, columns, narrow, limit, offset),
        };
        order.page(columns, "task_run t", narrow, limit, offset)
    }
}

/// How long a run has run changes while it runs, so no index holds it. The runs that have ended come from their index,
/// those that have not are few and are sorted; of both a page is taken, and the page of those.
struct ByDuration {
    ended: &'static str,
    others: &'static str,
    both: &'static str,
    rows: &'static str,
}

/// Runs of one duration stand by when they were expected, the latest first, whichever way durations go.
const LONGEST: ByDuration = ByDuration {
    ended: " order by t.total_run_time desc, t.expected_start_time desc, t.id desc limit ",
    others: " order by 2 desc, t.expected_start_time desc, t.id desc limit ",
    both: " order by duration desc, expected_start_time desc, id desc",
    rows: " order by p.duration desc, t.expected_start_time desc, t.id desc",
};
const SHORTEST: ByDuration = ByDuration {
    ended: " order by t.total_run_time, t.expected_start_time desc, t.id desc limit ",
    others: " order by 2, t.expected_start_time desc, t.id desc limit ",
    both: " order by duration, expected_start_time desc, id desc",
    rows: " order by p.duration, t.expected_start_time desc, t.id desc",
};

fn by_duration<'a>(
    order: &'static ByDuration,
    columns: &'static str,
    narrow: impl Fn(&mut Sql<'a>),
    limit: i64,
    offset: i64,
) -> Sql<'a> {
    let most = limit.saturating_add(offset);
    let mut sql = Sql::new(
        "with page as ((select t.id, t.total_run_time as duration, t.expected_start_time from task_run t where true",
    );
    narrow(&mut sql);
    sql.push(" and t.state_type in (3, 4, 5, 6)").push(order.ended).bind(most);
    sql.push(
        ") union all (select t.id, case when t.state_type = 2 then t.total_run_time + date_part('epoch', now() - t.state_timestamp) \
         else t.total_run_time end, t.expected_start_time from task_run t where true",
    );
    narrow(&mut sql);
    sql.push(" and t.state_type in (0, 1, 2, 7, 8)").push(order.others).bind(most);
    sql.push(")").push(order.both).push(" limit ").bind(limit).push(" offset ").bind(offset);
    // Only of the page's runs are the wide columns read.
    sql.push(") select ").push(columns).push(" from page p join task_run t on t.id = p.id").push(order.rows);
    sql
}

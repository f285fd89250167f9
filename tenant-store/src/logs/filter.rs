//! What may be asked of log lines (reference: `server/schemas/filters.py`, `LogFilter…`; `sorting.py`, `LogSort`).

use domain::text_search::TextSearch;
use uuid::Uuid;
use wire::{Described, Errors, Input, Json, Schema, Schemas, Time};

use crate::sql::{Condition, Operator, Sql};
use crate::{filter, sort};

filter! {
    /// Filter by `Log.level`.
    LogFilterLevel {
        /// Include logs with a level greater than or equal to this level
        ge_: i64 => "l.level >= {}::bigint",
        /// Include logs with a level less than or equal to this level
        le_: i64 => "l.level <= {}::bigint",
    }
}

filter! {
    /// Filter by `Log.timestamp`.
    LogFilterTimestamp {
        /// Only include logs with a timestamp at or before this time
        before_: Time => "l.timestamp <= {}",
        /// Only include logs with a timestamp at or after this time
        after_: Time => "l.timestamp >= {}",
    }
}

filter! {
    /// Filter by `Log.flow_run_id`.
    LogFilterFlowRunId {
        /// A list of flow run IDs to include
        any_: Vec<Uuid> => "l.flow_run_id = any({})",
    }
}

filter! {
    /// Filter by `Log.task_run_id`.
    LogFilterTaskRunId {
        /// A list of task run IDs to include
        any_: Vec<Uuid> => "l.task_run_id = any({})",
        /// If true, only include logs without a task run id
        is_null_: bool => "l.task_run_id is null" | "l.task_run_id is not null",
    }
}

/// A search through message and logger's name; at most 200 characters.
#[derive(Debug, Clone, PartialEq)]
pub struct Search(pub TextSearch);

impl Input for Search {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        let query = String::parse(value, errors)?;
        wire::check::max_length(&query, 200, value, errors)?;
        Some(Search(TextSearch::parse(&query)))
    }
}

impl Described for Search {
    fn schema(_: &mut Schemas) -> Schema {
        serde_json::json!({ "type": "string", "maxLength": 200 })
    }
}

/// Filter by text search across log content.
#[derive(Debug, Clone, PartialEq, Input)]
#[input(forbid_extra)]
pub struct LogFilterTextSearch {
    /// Words are alternatives, -word and !word exclude, +word is required, "two words" is a phrase
    pub query: Search,
}

/// Filter logs. Only logs matching all criteria will be returned
#[derive(Debug, Clone, PartialEq, Input)]
#[input(forbid_extra)]
pub struct LogFilter {
    /// Whether all of the criteria must hold (`and_`) or any (`or_`).
    #[input(default)]
    pub operator: Operator,
    pub level: Option<LogFilterLevel>,
    pub timestamp: Option<LogFilterTimestamp>,
    pub flow_run_id: Option<LogFilterFlowRunId>,
    pub task_run_id: Option<LogFilterTaskRunId>,
    pub text: Option<LogFilterTextSearch>,
}

const FOUND: &str = "strpos(lower(l.message || ' ' || l.name), lower({})) > 0";

impl Condition for LogFilter {
    fn write<'a>(&'a self, sql: &mut Sql<'a>) {
        let Self { operator, level, timestamp, flow_run_id, task_run_id, text } = self;
        let between = match operator {
            Operator::And => " and ",
            Operator::Or => " or ",
        };
        let mut first = true;
        let mut begin = |sql: &mut Sql<'a>| {
            sql.push(if std::mem::take(&mut first) { "" } else { between }).push("(");
        };
        let nested: [Option<&'a dyn Condition>; 4] = [
            level.as_ref().map(|criterion| criterion as _),
            timestamp.as_ref().map(|criterion| criterion as _),
            flow_run_id.as_ref().map(|criterion| criterion as _),
            task_run_id.as_ref().map(|criterion| criterion as _),
        ];
        for criterion in nested.into_iter().flatten() {
            begin(sql);
            criterion.write(sql);
            sql.push(")");
        }
        // The parts of a search stand beside the other criteria, as in the reference: it matters where one is enough.
        if let Some(LogFilterTextSearch { query: Search(TextSearch { any, none, all }) }) = text {
            for (terms, not, join) in [(any, "", " or "), (none, "not ", " and "), (all, "", " and ")] {
                for (at, term) in terms.iter().enumerate() {
                    match at {
                        0 => begin(sql),
                        _ => drop(sql.push(join)),
                    }
                    sql.push(not).template(FOUND, term);
                }
                if !terms.is_empty() {
                    sql.push(")");
                }
            }
        }
        if first {
            sql.push("true");
        }
    }
}

sort! {
    /// Orders of log lines.
    LogSort default TimestampAsc {
        TimestampAsc => "l.timestamp, l.id",
        TimestampDesc => "l.timestamp desc, l.id desc",
    }
}

impl LogFilter {
    /// Whether a line passes, for streams of lines that are just being stored. The same meaning as the SQL.
    pub fn passes(&self, log: &domain::logs::Log) -> bool {
        let Self { operator, level, timestamp, flow_run_id, task_run_id, text } = self;
        let criteria = [
            level.as_ref().map(|f| {
                let level = i64::from(log.level);
                f.ge_.is_none_or(|least| level >= least) && f.le_.is_none_or(|most| level <= most)
            }),
            timestamp
                .as_ref()
                .map(|f| f.before_.is_none_or(|t| log.timestamp <= t) && f.after_.is_none_or(|t| log.timestamp >= t)),
            flow_run_id
                .as_ref()
                .map(|f| f.any_.as_ref().is_none_or(|ids| log.flow_run_id.is_some_and(|id| ids.contains(&id.0)))),
            task_run_id.as_ref().map(|f| {
                f.any_.as_ref().is_none_or(|ids| log.task_run_id.is_some_and(|id| ids.contains(&id.0)))
                    && f.is_null_.is_none_or(|null| log.task_run_id.is_none() == null)
            }),
        ];
        let found = text.as_ref().map(|f| f.query.0.parts(&format!("{} {}", log.message, log.name)));
        let mut asked = criteria.into_iter().chain(found.into_iter().flatten()).flatten().peekable();
        match operator {
            _ if asked.peek().is_none() => true,
            Operator::And => asked.all(|passes| passes),
            Operator::Or => asked.any(|passes| passes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sql_of_a_search() {
        let found = |n: u8| format!("strpos(lower(l.message || ' ' || l.name), lower(${n})) > 0");
        for (body, expected) in [
            (r#"{"text":{"query":"a"}}"#, format!("({})", found(1))),
            (
                r#"{"text":{"query":"a \"b c\" -d +e"},"level":{"ge_":20}}"#,
                format!(
                    "(l.level >= $1::bigint) and ({} or {}) and (not {}) and ({})",
                    found(2),
                    found(3),
                    found(4),
                    found(5)
                ),
            ),
            (
                r#"{"operator":"or_","text":{"query":"-a -b"},"level":{}}"#,
                format!("(true) or (not {} and not {})", found(1), found(2)),
            ),
            (r#"{"operator":"or_","text":{"query":" "},"level":{"le_":1}}"#, "(l.level <= $1::bigint)".into()),
            (r#"{"text":{"query":""}}"#, "true".into()),
        ] {
            let value = wire::json::parse(body.as_bytes()).unwrap();
            let filter = LogFilter::parse(&value, &mut Errors::of_body()).unwrap();
            let mut sql = Sql::default();
            filter.write(&mut sql);
            assert_eq!(sql.text(), expected, "{body}");
        }
    }

    #[test]
    fn a_line_passes_by_the_same_meaning() {
        let log = domain::logs::Log {
            id: domain::LogId(Uuid::nil()),
            created: Time::default(),
            updated: Time::default(),
            name: "app.net".into(),
            level: 20,
            message: "Connection TIMEOUT".into(),
            timestamp: Time::default(),
            flow_run_id: None,
            task_run_id: None,
        };
        for (body, passes) in [
            ("{}", true),
            (r#"{"level":{"ge_":20,"le_":20}}"#, true),
            (r#"{"level":{"ge_":21}}"#, false),
            (r#"{"level":{"ge_":21},"text":{"query":"timeout"}}"#, false),
            (r#"{"operator":"or_","level":{"ge_":21},"text":{"query":"timeout"}}"#, true),
            (r#"{"operator":"or_","level":{"ge_":21},"text":{"query":""}}"#, false),
            (r#"{"operator":"or_","text":{"query":""}}"#, true),
            (r#"{"text":{"query":"timeout -app"}}"#, false),
            (r#"{"operator":"or_","text":{"query":"timeout -app"}}"#, true),
            (r#"{"flow_run_id":{"any_":["00000000-0000-0000-0000-000000000000"]}}"#, false),
            (r#"{"task_run_id":{"is_null_":true},"timestamp":{"before_":0,"after_":0}}"#, true),
            (r#"{"timestamp":{"after_":1}}"#, false),
        ] {
            let value = wire::json::parse(body.as_bytes()).unwrap();
            let filter = LogFilter::parse(&value, &mut Errors::of_body()).unwrap();
            assert_eq!(filter.passes(&log), passes, "{body}");
        }
    }
}

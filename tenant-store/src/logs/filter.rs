//! What may be asked of log lines (reference: `server/schemas/filters.py`, `LogFilter…`; `sorting.py`, `LogSort`).

use domain::text_search::TextSearch;
use uuid::Uuid;
use wire::{Described, Errors, Input, Json, Schema, Schemas, Time};

use crate::sql::{Sql, Write};
use crate::{filter, sort};

filter! {
    /// Filter by `Log.level`.
    LogFilterLevel {
        /// Include logs with a level greater than or equal to this level
        ge_: i64 => "l.level >= {}",
        /// Include logs with a level less than or equal to this level
        le_: i64 => "l.level <= {}",
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

impl Write for Search {
    fn write<'a>(&'a self, sql: &mut Sql<'a>, template: &'static str) {
        let TextSearch { any, none, all } = &self.0;
        sql.push("(true");
        for (at, term) in any.iter().enumerate() {
            sql.push(if at == 0 { " and (" } else { " or " }).template(template, term);
        }
        if !any.is_empty() {
            sql.push(")");
        }
        for term in none {
            sql.push(" and not ").template(template, term);
        }
        for term in all {
            sql.push(" and ").template(template, term);
        }
        sql.push(")");
    }
}

filter! {
    /// Filter by text search across log content.
    LogFilterTextSearch {
        /// Words are alternatives, -word and !word exclude, +word is required, "two words" is a phrase
        query: Search => "strpos(lower(l.message || ' ' || l.name), {}) > 0",
    }
}

filter! {
    /// Filter logs. Only logs matching all criteria will be returned
    LogFilter operator {
        level: nested LogFilterLevel,
        timestamp: nested LogFilterTimestamp,
        flow_run_id: nested LogFilterFlowRunId,
        task_run_id: nested LogFilterTaskRunId,
        text: nested LogFilterTextSearch,
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
            timestamp.as_ref().map(|f| {
                f.before_.is_none_or(|t| log.timestamp <= t) && f.after_.is_none_or(|t| log.timestamp >= t)
            }),
            flow_run_id.as_ref().map(|f| {
                f.any_.as_ref().is_none_or(|ids| log.flow_run_id.is_some_and(|id| ids.contains(&id.0)))
            }),
            task_run_id.as_ref().map(|f| {
                f.any_.as_ref().is_none_or(|ids| log.task_run_id.is_some_and(|id| ids.contains(&id.0)))
                    && f.is_null_.is_none_or(|null| log.task_run_id.is_none() == null)
            }),
            text.as_ref().and_then(|f| f.query.as_ref()).map(|q| q.0.finds(&format!("{} {}", log.message, log.name))),
        ];
        let mut asked = criteria.into_iter().flatten().peekable();
        match operator {
            _ if asked.peek().is_none() => true,
            crate::sql::Operator::And => asked.all(|passes| passes),
            crate::sql::Operator::Or => asked.any(|passes| passes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sql_of_a_search() {
        let body = wire::json::parse(br#"{"text": {"query": "a \"b c\" -d +e"}, "level": {"ge_": 20}}"#).unwrap();
        let filter = LogFilter::parse(&body, &mut Errors::of_body()).unwrap();
        let mut sql = Sql::new("select l.id from log l where true");
        sql.and(Some(&filter)).page(LogSort::default().sql(), 10, 0);
        let term = |n: u8| format!("strpos(lower(l.message || ' ' || l.name), ${n}) > 0");
        let expected = format!(
            "select l.id from log l where true and ((l.level >= $1) and ((true and ({} or {}) and not {} and {}))) \
             order by l.timestamp, l.id limit $6 offset $7",
            term(2),
            term(3),
            term(4),
            term(5)
        );
        assert_eq!(sql.text(), expected);
    }
}

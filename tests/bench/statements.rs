//! The very statements that the program sends, as Postgres logged them: so that the limit is measured with what is sent
//! and not with what somebody once wrote down.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ::tests::{Database, eventually};

use crate::Result;

/// What a connection sent between `BEGIN` and its end.
#[derive(Debug, Clone, Default)]
pub struct Transaction {
    pub statements: Vec<Statement>,
}

#[derive(Debug, Clone)]
pub struct Statement {
    pub text: String,
    /// Of a prepared statement; `None` in it is SQL's null. Absent for text sent as it is.
    pub params: Option<Vec<Option<String>>>,
}

impl Transaction {
    fn ended(&self) -> bool {
        self.statements.last().is_some_and(|last| matches!(last.text.as_str(), "COMMIT" | "ROLLBACK"))
    }
}

/// What is sent to `schema` while `work` runs, transaction by transaction.
pub fn sent(database: &Database, schema: &str, work: impl FnOnce()) -> Result<Vec<Transaction>> {
    let log = PathBuf::from(database.sql("show data_directory")).with_file_name("postgres.log");
    log_statements(database, "all");
    let before = std::fs::metadata(&log)?.len() as usize;
    work();
    let text = String::from_utf8_lossy(&std::fs::read(&log)?[before..]).into_owned();
    log_statements(database, "none");
    Ok(transactions(&text, schema))
}

fn log_statements(database: &Database, which: &str) {
    database.sql(&format!("alter system set log_statement = '{which}'"));
    database.sql("select pg_reload_conf()");
    eventually("the setting counts", || {
        let now = database.sql("show log_statement");
        if now == which { Ok(()) } else { Err(now) }
    });
}

/// An entry of the log: process, severity, text with its line breaks.
struct Entry {
    pid: String,
    severity: String,
    text: String,
}

fn transactions(log: &str, schema: &str) -> Vec<Transaction> {
    let mut open: BTreeMap<String, Transaction> = BTreeMap::new();
    let mut found = Vec::new();
    for Entry { pid, severity, text } in entries(log) {
        let transaction = open.entry(pid).or_default();
        match severity.as_str() {
            "LOG" => {
                if let Some(simple) = text.strip_prefix("statement: ") {
                    let parts = simple.split(';').map(str::trim).filter(|part| !part.is_empty());
                    transaction.statements.extend(parts.map(|part| Statement { text: part.to_owned(), params: None }));
                } else if let Some((_, text)) = text.strip_prefix("execute ").and_then(|rest| rest.split_once(": ")) {
                    let params = Some(Vec::new());
                    transaction.statements.push(Statement { text: text.to_owned(), params });
                }
            }
            "DETAIL" => {
                let params = text.strip_prefix("parameters: ").or_else(|| text.strip_prefix("Parameters: "));
                if let (Some(params), Some(last)) = (params, transaction.statements.last_mut()) {
                    last.params = Some(values(params));
                }
            }
            _ => {}
        }
        if transaction.ended() {
            let done = std::mem::take(transaction);
            if done
                .statements
                .iter()
                .any(|one| one.text.starts_with("SET LOCAL search_path") && one.text.contains(schema))
            {
                found.push(done);
            }
        }
    }
    found
}

/// Lines begin with `TIME [PID] USER@DATABASE SEVERITY:  `; further lines of an entry with a tab.
fn entries(log: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for line in log.lines() {
        if let Some(more) = line.strip_prefix('\t') {
            if let Some(last) = entries.last_mut() {
                last.text.push('\n');
                last.text.push_str(more);
            }
            continue;
        }
        let parsed = (|| {
            let (_, rest) = line.split_once(" [")?;
            let (pid, rest) = rest.split_once("] ")?;
            let (head, text) = rest.split_once(":  ")?;
            let severity = head.rsplit(' ').next()?;
            Some(Entry { pid: pid.to_owned(), severity: severity.to_owned(), text: text.to_owned() })
        })();
        entries.extend(parsed);
    }
    entries
}

/// From `$1 = 'a', $2 = NULL`; quotes inside are doubled.
fn values(text: &str) -> Vec<Option<String>> {
    let mut values = Vec::new();
    let mut rest = text;
    while let Some((_, value)) = rest.split_once(" = ") {
        let Some(quoted) = value.strip_prefix('\'') else {
            values.push(None);
            rest = value.strip_prefix("NULL").unwrap_or(value);
            continue;
        };
        let mut end = 0;
        let bytes = quoted.as_bytes();
        while end < bytes.len() {
            match (bytes[end], bytes.get(end + 1)) {
                (b'\'', Some(b'\'')) => end += 2,
                (b'\'', _) => break,
                _ => end += 1,
            }
        }
        values.push(Some(quoted[..end].replace("''", "'")));
        rest = &quoted[(end + 1).min(quoted.len())..];
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_with_their_quotes_and_nulls() {
        let read = values("$1 = 'a, $2 = ''b''', $2 = NULL, $3 = '{\"x\"}'");
        assert_eq!(read, [Some("a, $2 = 'b'".to_owned()), None, Some("{\"x\"}".to_owned())]);
    }

    #[test]
    fn a_transaction_is_what_one_connection_sent_to_the_schema() {
        let log = "2026-01-01 00:00:00.000 UTC [7] s@d LOG:  statement: BEGIN;SET LOCAL search_path TO ws_1\n\
                   2026-01-01 00:00:00.000 UTC [8] s@d LOG:  execute s2: select 2\n\
                   2026-01-01 00:00:00.000 UTC [7] s@d LOG:  execute s1: select\n\t$1\n\
                   2026-01-01 00:00:00.000 UTC [7] s@d DETAIL:  parameters: $1 = 'x'\n\
                   2026-01-01 00:00:00.000 UTC [7] s@d LOG:  statement: COMMIT\n";
        let [one] = &transactions(log, "ws_1")[..] else { panic!("one transaction") };
        let texts: Vec<&str> = one.statements.iter().map(|one| one.text.as_str()).collect();
        assert_eq!(texts, ["BEGIN", "SET LOCAL search_path TO ws_1", "select\n$1", "COMMIT"]);
        assert_eq!(one.statements[2].params, Some(vec![Some("x".to_owned())]));
        assert!(transactions(log, "ws_2").is_empty());
    }
}

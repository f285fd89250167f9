//! What a statement writes, read from its text: the tables behind `insert into`, `update`, `delete from` and `merge into`,
//! in any of its `with` parts. Our texts name tables bare, so a few words are all there is to know of the grammar.

use domain::kinds::Kinds;

use crate::commits::shown_by;
use crate::{Error, Result};

/// The kinds of which an answer may change when the statement takes effect.
pub(crate) fn kinds(sql: &str) -> Result<Kinds> {
    tables(sql).into_iter().try_fold(Kinds::NONE, |all, table| match shown_by(&table) {
        Some(kinds) => Ok(all.union(kinds)),
        None => {
            Err(Error::internal(format!("a statement writes {table}, of which commits.rs does not say what shows it")))
        }
    })
}

/// The tables that the statement writes.
pub(crate) fn tables(sql: &str) -> Vec<String> {
    let words = words(sql);
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    let mut found = Vec::new();
    for at in 0..words.len() {
        let table = match (word(at), word(at + 1)) {
            ("insert" | "merge", "into") | ("delete", "from") => at + 2,
            ("truncate", "table") => at + 2,
            ("truncate", _) => at + 1,
            // Not `for update`, `for no key update`, `do update set`.
            ("update", _) if at == 0 || !matches!(word(at - 1), "for" | "key" | "do") => at + 1,
            _ => continue,
        };
        let table = if word(table) == "only" { word(table + 1) } else { word(table) };
        if !found.iter().any(|known| known == table) {
            found.push(table.to_owned());
        }
    }
    found
}

/// Words in lower case, without what stands in quotes.
fn words(sql: &str) -> Vec<String> {
    let unquoted = sql.split('\'').step_by(2).collect::<Vec<_>>().join(" ");
    let breaks = |c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.');
    unquoted.split(breaks).filter(|word| !word.is_empty()).map(str::to_ascii_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use domain::kinds::Kind;

    use super::*;

    #[test]
    fn tables_are_found_wherever_they_are_written() {
        let cases: &[(&str, &[&str])] = &[
            ("select f.id from flow f where f.id = $1 for update of f skip locked", &[]),
            ("select 1 from flow_run r where r.id = $1 for no key update", &[]),
            ("select 'delete from flow', 'it''s; update flow set x' from log", &[]),
            ("insert into flow (id) values ($1) on conflict (name) do update set updated = now()", &["flow"]),
            (
                "with gone as (delete from task_run where id = $1 returning id),\n logs as (delete from log) select 1",
                &["task_run", "log"],
            ),
            (
                "with u as (UPDATE flow_run r SET x = 1), i as (insert into run_state select 1) select u.update_of from u",
                &["flow_run", "run_state"],
            ),
            ("update only setting set a = 1", &["setting"]),
            ("truncate table log", &["log"]),
        ];
        for (sql, expected) in cases {
            assert_eq!(tables(sql), *expected, "{sql}");
        }
    }

    #[test]
    fn a_table_shows_in_its_kinds_and_an_unknown_one_is_refused() {
        assert_eq!(kinds("update flow set a = 1").unwrap(), Kinds::of(&[Kind::Flows]));
        assert_eq!(kinds("insert into quarantine values (1)").unwrap(), Kinds::NONE);
        assert!(kinds("update nobody_listed set a = 1").is_err());
    }
}

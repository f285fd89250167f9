//! The limit of what writes: pgbench with the statements that the program sends, in as many round trips.
//!
//! Ids that must be new in each transaction are made of a counter inside the statement, and times of columns are the
//! transaction's; all other values, documents too, are bound as they were sent. A parameter that was null is written as
//! null, which can only make the limit faster.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use ::tests::{Database, Folder};

use crate::Result;
use crate::load::{Measured, Times};
use crate::statements::{Statement, Transaction};

#[derive(Debug, Clone)]
pub struct Script {
    pub text: String,
    variables: Vec<(String, String)>,
    /// Operations of the program that one run of the script stands for.
    pub operations: u64,
}

/// Ids that stay as they are, and ids that a counter stands for, by the first of their five parts.
#[derive(Debug, Default)]
pub struct Ids {
    /// All stay: nothing that is written needs a new one.
    pub all_fixed: bool,
    pub fixed: HashSet<String>,
    pub counted: HashMap<String, u32>,
}

/// Of ids made by a script; apart from those that this program's bulk data uses.
const FIRST_PREFIX: u32 = 0x0f00_0000;

impl Script {
    pub fn of(transactions: &[Transaction], mut ids: Ids, operations: u64) -> Script {
        let mut script = Script { text: String::new(), variables: Vec::new(), operations };
        script.text.push_str("\\set r :first + :client_id * :span + :i\n\\set i :i + 1\n");
        for transaction in transactions {
            let first = transaction.statements.iter().position(|statement| statement.params.is_some());
            // The first statement travels with what is before it, the last with what is behind it: see the store's `Tx`.
            script.text.push_str("\\startpipeline\n");
            for (at, statement) in transaction.statements.iter().enumerate() {
                let alone = statement.params.is_some() && Some(at) != first;
                if alone {
                    script.text.push_str("\\endpipeline\n\\startpipeline\n");
                }
                script.statement(statement, &mut ids);
            }
            script.text.push_str("\\endpipeline\n");
        }
        script
    }

    fn statement(&mut self, statement: &Statement, ids: &mut Ids) {
        let mut text = statement.text.replace('\n', " ");
        // From the last, so that $1 is not found in $12.
        let params = statement.params.as_deref().unwrap_or_default();
        for (at, value) in params.iter().enumerate().rev() {
            let name = format!("${}", at + 1);
            let cast = cast_of(&text, &name);
            let with = match value {
                None => "null".to_owned(),
                Some(value) => self.value(value, cast.as_deref(), ids),
            };
            text = text.replace(&name, &with);
        }
        self.text.push_str(&text);
        self.text.push_str(";\n");
    }

    /// SQL that gives the value.
    fn value(&mut self, value: &str, cast: Option<&str>, ids: &mut Ids) -> String {
        if cast == Some("timestamptz[]") && value.starts_with("{\"") && !value.contains(',') {
            return "array[now()]".to_owned();
        }
        // Nothing looks into a document, and to write one anew for each id would cost more than storing it.
        if cast.is_some_and(|cast| cast.starts_with("json")) {
            return self.variable(value);
        }
        let mut parts = Vec::new();
        let mut rest = value;
        while let Some((before, id, after)) = next_id(rest, &ids.fixed).filter(|_| !ids.all_fixed) {
            if !before.is_empty() {
                parts.push(format!("{}::text", self.variable(before)));
            }
            let next = FIRST_PREFIX + u32::try_from(ids.counted.len()).unwrap_or_default();
            let prefix = *ids.counted.entry(id.to_owned()).or_insert(next);
            parts.push(format!("'{prefix:08x}-0000-7000-8000-' || lpad(to_hex(:r::bigint), 12, '0')"));
            rest = after;
        }
        if parts.is_empty() {
            return self.variable(value);
        }
        if !rest.is_empty() {
            parts.push(format!("{}::text", self.variable(rest)));
        }
        let cast = if cast.is_none() && is_id(value) { "::uuid" } else { "" };
        format!("({}){cast}", parts.join(" || "))
    }

    /// A variable of pgbench that holds the text.
    fn variable(&mut self, value: &str) -> String {
        let known = self.variables.iter().find(|(_, known)| known == value).map(|(name, _)| name.clone());
        let name = known.unwrap_or_else(|| {
            let name = format!("v{}", self.variables.len());
            self.variables.push((name.clone(), value.to_owned()));
            name
        });
        format!(":{name}")
    }
}

/// The cast behind a parameter, as in `$1::uuid[]`.
fn cast_of(text: &str, name: &str) -> Option<String> {
    let at = text.match_indices(name).map(|(at, _)| at + name.len());
    let behind = at.map(|at| &text[at..]).find(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))?;
    let cast = behind.strip_prefix("::")?;
    let end = cast.find(|c: char| !c.is_ascii_alphanumeric() && !"_[] ".contains(c)).unwrap_or(cast.len());
    let cast = cast[..end].trim_end();
    let end = cast.find("[]").map_or_else(|| cast.find(' ').unwrap_or(cast.len()), |at| at + 2);
    Some(cast[..end].to_owned())
}

fn is_id(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok()
}

/// The first id that is not one of `fixed`, with what is around it.
fn next_id<'a>(text: &'a str, fixed: &HashSet<String>) -> Option<(&'a str, &'a str, &'a str)> {
    (0..text.len().saturating_sub(35))
        .filter(|at| text.is_char_boundary(*at) && text.is_char_boundary(at + 36))
        .map(|at| (&text[..at], &text[at..at + 36], &text[at + 36..]))
        .find(|(_, id, _)| is_id(id) && !fixed.contains(*id))
}

/// Where a script runs: as the serving login, in the role and schema of a workspace.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub database: &'a Database,
    pub schema: &'a str,
}

/// Numbers that the counter of a run takes: each client has its own.
#[derive(Debug, Clone, Copy)]
pub struct Numbers {
    pub first: u64,
    pub span: u64,
}

pub fn run(script: &Script, place: Place<'_>, clients: usize, times: Times, numbers: Numbers) -> Result<Measured> {
    let folder = Folder::new("pgbench");
    let file = folder.path().join("script.sql");
    std::fs::write(&file, &script.text)?;
    let seconds = times.counted.as_secs_f64().round().max(1.0);
    let mut pgbench = Command::new(program());
    pgbench.args(["-n", "-M", "prepared", "-j", "1", "-c", &clients.to_string(), "-T", &format!("{seconds:.0}")]);
    pgbench.arg("-f").arg(&file);
    let counters = [("first", numbers.first), ("span", numbers.span), ("i", 0)];
    for (name, value) in counters {
        pgbench.arg("-D").arg(format!("{name}={value}"));
    }
    for (name, value) in &script.variables {
        pgbench.arg("-D").arg(format!("{name}={value}"));
    }
    // Prepared before the script's own SET LOCAL can count, so the session stands there already.
    let schema = place.schema;
    pgbench.env("PGOPTIONS", format!("-c role={schema} -c search_path={schema}"));
    pgbench.arg(place.database.url());
    let output = pgbench.output().map_err(|error| format!("pgbench cannot be run: {error}"))?;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let aborted = err.lines().find(|line| line.contains("error:"));
    if !output.status.success() || aborted.is_some() {
        return Err(format!("pgbench: {}\n{}", aborted.unwrap_or(&err), script.text).into());
    }
    let number = |name: &str| -> Option<f64> {
        let line = out.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    let [Some(rate), Some(transactions)] = ["tps = ", "number of transactions actually processed: "].map(number) else {
        return Err(format!("pgbench said no tps:\n{out}").into());
    };
    let done = transactions as u64 * script.operations;
    if numbers.span > 0 && done / script.operations > numbers.span * clients as u64 {
        return Err("pgbench ran out of prepared runs: its figure would be too good".into());
    }
    // Its rate leaves out the time that connecting took.
    Ok(Measured { done, elapsed: Duration::from_secs_f64(transactions / rate.max(1e-9)), ..Measured::default() })
}

fn program() -> PathBuf {
    let dirs = std::env::var_os("PREFECTURE_PG_BIN").map(PathBuf::from).into_iter();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut installed: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    installed.sort();
    let mut all = dirs.chain(installed.into_iter().rev().map(|(_, dir)| dir)).map(|dir| dir.join("pgbench"));
    all.find(|path| path.is_file()).unwrap_or_else(|| PathBuf::from("pgbench"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_ids_are_counted_and_the_rest_is_bound() {
        let statement = |text: &str, params: Option<&[Option<&str>]>| Statement {
            text: text.to_owned(),
            params: params.map(|params| params.iter().map(|value| value.map(str::to_owned)).collect()),
        };
        let run = "01900000-0000-7000-8000-000000000001";
        let transaction = Transaction {
            statements: vec![
                statement("BEGIN", None),
                statement("select $1", Some(&[Some(run)])),
                statement("insert $1::text[], $2", Some(&[Some(&format!("{{{run}}}")), None])),
                statement("COMMIT", None),
            ],
        };
        let script = Script::of(&[transaction], Ids::default(), 1);
        let id = "'0f000000-0000-7000-8000-' || lpad(to_hex(:r::bigint), 12, '0')";
        let lines: Vec<&str> = script.text.lines().skip(2).collect();
        let insert = format!("insert (:v0::text || {id} || :v1::text)::text[], null;");
        let select = format!("select ({id})::uuid;");
        let (begin, end) = ("\\startpipeline", "\\endpipeline");
        assert_eq!(lines, [begin, "BEGIN;", &select, end, begin, &insert, "COMMIT;", end]);
    }

    #[test]
    fn the_cast_behind_a_parameter_is_found() {
        assert_eq!(cast_of("x $12::int, $1::timestamptz[], ", "$1").as_deref(), Some("timestamptz[]"));
        assert_eq!(cast_of("x = $1 and", "$1"), None);
    }
}

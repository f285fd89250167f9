//! What a command answers: rows of named fields, as a table or as JSON.

use std::io::Write;

use clap::ValueEnum;
use serde_json::{Map, Value};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table, or a field a line.
    Text,
    /// JSON with every field: a list for lists, an object for one thing.
    Json,
}

/// Fields in the order they are shown.
type Row = Vec<(&'static str, Value)>;

pub enum Shown {
    One(Row),
    Many(Vec<Row>),
    /// Nothing but that it was done.
    Done(String),
}

/// One row: `row![id: user.id, handle: user.handle]`.
macro_rules! row {
    ($($name:ident: $value:expr),+ $(,)?) => {
        vec![$((stringify!($name), serde_json::json!($value))),+]
    };
}
pub(super) use row;

impl Shown {
    pub fn print(&self, format: Format) -> std::io::Result<()> {
        let text = match format {
            Format::Text => self.text(),
            Format::Json => self.json(),
        };
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    fn json(&self) -> String {
        let object =
            |row: &Row| Value::Object(row.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect::<Map<_, _>>());
        let value = match self {
            Self::One(row) => object(row),
            Self::Many(rows) => rows.iter().map(object).collect(),
            Self::Done(what) => serde_json::json!({ "done": what }),
        };
        format!("{value:#}\n")
    }

    fn text(&self) -> String {
        match self {
            Self::Done(what) => format!("{what}\n"),
            Self::One(row) => {
                let width = row.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
                row.iter().map(|(name, value)| format!("{name:width$}  {}\n", cell(value))).collect()
            }
            Self::Many(rows) => table(rows),
        }
    }
}

fn table(rows: &[Row]) -> String {
    let Some(first) = rows.first() else { return "none\n".to_owned() };
    let mut lines: Vec<Vec<String>> =
        vec![first.iter().map(|(name, _)| name.to_uppercase().replace('_', " ")).collect()];
    lines.extend(rows.iter().map(|row| row.iter().map(|(_, value)| cell(value)).collect()));
    let width =
        |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..first.len()).map(width).collect();
    let mut out = String::new();
    for line in &lines {
        let padded: Vec<String> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        out.push_str(padded.join("  ").trim_end());
        out.push('\n');
    }
    out
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_lines_up() {
        let rows = vec![row![id: 1, name: "long name"], row![id: 22, name: Value::Null]];
        assert_eq!(Shown::Many(rows).text(), "ID  NAME\n1   long name\n22  -\n");
        assert_eq!(Shown::Many(Vec::new()).text(), "none\n");
    }

    #[test]
    fn one_thing_is_an_object_and_a_list_a_list() {
        assert_eq!(Shown::One(row![id: 1, scopes: ["a", "b"]]).text(), "id      1\nscopes  a,b\n");
        assert_eq!(Shown::Many(Vec::new()).json(), "[]\n");
        assert_eq!(
            serde_json::from_str::<Value>(&Shown::One(row![id: 1]).json()).ok(),
            Some(serde_json::json!({ "id": 1 }))
        );
    }
}

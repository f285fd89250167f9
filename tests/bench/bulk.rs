//! Rows in bulk, by SQL: one run is made through the API, then copied as often as wanted with ids and times of its own.
//!
//! Both servers get theirs this way, so neither's rows are invented here and a new column is copied like the others.

use ::tests::Database;

/// Whose tables they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tables {
    Program,
    Reference,
}

/// The tables of one workspace, or of the reference.
#[derive(Debug, Clone)]
pub struct Store {
    pub database: Database,
    pub schema: String,
    pub tables: Tables,
}

/// Ids of bulk rows by number; families differ in their first part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Family {
    /// Runs that have ended.
    Done,
    /// Runs that wait to be taken through their states.
    Waiting,
    /// Runs that wait and are not due for long.
    Later,
    /// States of any of them.
    State,
}

impl Family {
    pub fn prefix(self) -> u32 {
        match self {
            Family::Done => 0x0a00_0000,
            Family::Waiting => 0x0b00_0000,
            Family::Later => 0x0d00_0000,
            Family::State => 0x0c00_0000,
        }
    }

    pub fn id(self, number: u64) -> String {
        format!("{:08x}-0000-7000-8000-{number:012x}", self.prefix())
    }

    fn sql(self, shift: u64) -> String {
        format!("('{:08x}-0000-7000-8000-' || lpad(to_hex(g + {shift}), 12, '0'))::uuid", self.prefix())
    }
}

/// Copies run `template` so that those with numbers `from .. from + count` are there.
pub fn copy(store: &Store, template: &str, family: Family, from: u64, count: u64) {
    let schema = format!("\"{}\"", store.schema);
    let last = from + count - 1;
    // States of the families do not meet.
    let shift = match family {
        Family::Waiting => 1 << 40,
        Family::Later => 2 << 40,
        Family::Done | Family::State => 0,
    };
    let (run, state) = (family.sql(0), Family::State.sql(shift));
    let ago = format!("now() - interval '1 second' * ({last} - g) - interval '1 minute'");
    let time = |column: &str| format!("case when t.{column} is null then null else {ago} end");
    let state_json = format!(
        "replace(replace(t.state::text, t.state_id::text, ({state})::text), '{template}', ({run})::text)::json"
    );
    let mut flow_run = vec![
        ("id", run.clone()),
        ("name", "'run-' || g".to_owned()),
        ("idempotency_key", "null".to_owned()),
        ("state_id", state.clone()),
        ("created", ago.clone()),
        ("updated", ago.clone()),
    ];
    let times = ["expected_start_time", "start_time", "end_time", "state_timestamp"];
    flow_run.extend(times.map(|column| (column, time(column))));
    let states = match store.tables {
        Tables::Program => {
            flow_run.push(("state", state_json));
            ("run_state", "run_id")
        }
        Tables::Reference => ("flow_run_state", "flow_run_id"),
    };
    let state_row = vec![("id", state), (states.1, run), ("created", ago.clone()), ("timestamp", ago)];
    let now = format!("select state_id from {schema}.flow_run where id = '{template}'");
    let parts =
        [("flow_run", format!("t.id = '{template}'"), flow_run), (states.0, format!("t.id = ({now})"), state_row)];
    for (table, template, overrides) in parts {
        let insert = insert(store, table, &template, &overrides, from, last);
        store.database.sql(&with_indexes_aside(&store.schema, &[table], &insert));
        store.database.sql(&format!("vacuum (analyze) {schema}.{table}"));
    }
}

fn insert(store: &Store, table: &str, template: &str, overrides: &[(&str, String)], from: u64, last: u64) -> String {
    let schema = &store.schema;
    let columns = store.database.sql(&format!(
        "select column_name from information_schema.columns where table_schema = '{schema}' and table_name = '{table}' \
         and is_generated = 'NEVER' order by ordinal_position"
    ));
    let columns: Vec<&str> = columns.lines().collect();
    let values: Vec<String> = columns
        .iter()
        .map(|column| {
            let given = overrides.iter().find(|(name, _)| name == column);
            given.map_or_else(|| format!("t.\"{column}\""), |(_, sql)| sql.clone())
        })
        .collect();
    let names: Vec<String> = columns.iter().map(|column| format!("\"{column}\"")).collect();
    format!(
        "insert into \"{schema}\".{table} ({}) select {} from \"{schema}\".{table} t, generate_series({from}::bigint, {last}::bigint) g where {template}",
        names.join(", "),
        values.join(", "),
    )
}

/// Many rows are inserted several times faster without the indexes; they are made again as they were.
pub fn with_indexes_aside(schema: &str, tables: &[&str], insert: &str) -> String {
    let tables: Vec<String> = tables.iter().map(|table| format!("'{table}'")).collect();
    let tables = tables.join(", ");
    format!(
        "set session_replication_role = replica; set maintenance_work_mem = '512MB'; set synchronous_commit = off;
         create temp table aside as select i.indexname, i.indexdef from pg_indexes i where i.schemaname = '{schema}' and i.tablename in ({tables})
            and not exists (select from pg_constraint c where c.conname = i.indexname and c.connamespace = '{schema}'::regnamespace);
         do $$ declare one record; begin for one in select * from aside loop execute format('drop index %I.%I', '{schema}', one.indexname); end loop; end $$;
         {insert};
         do $$ declare one record; begin for one in select * from aside loop execute one.indexdef; end loop; end $$"
    )
}

impl Store {
    /// How many task runs have ended.
    pub fn recorded(&self) -> String {
        let completed = match self.tables {
            Tables::Program => "3",
            Tables::Reference => "'COMPLETED'",
        };
        format!("select count(*) from \"{}\".task_run where state_type = {completed}", self.schema)
    }
}

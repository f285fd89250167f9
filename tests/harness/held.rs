//! Holds a table so that whoever writes to it waits, until let go: requests in flight, for as long as a test needs them.

use std::thread::JoinHandle;

use crate::cluster::Database;
use crate::wait::eventually;

/// Let go when dropped.
#[derive(Debug)]
pub struct Held {
    database: Database,
    name: String,
    holding: Option<JoinHandle<()>>,
}

impl Held {
    /// Returns when the table is held.
    pub fn table(database: &Database, table: &str) -> Held {
        let name = format!("public.let_go_{}", uuid::Uuid::new_v4().simple());
        database.sql(&format!("create table {name} (now boolean)"));
        let sql = format!(
            "begin;
             lock table {table} in access exclusive mode;
             do $$ begin loop exit when exists (select from {name}); perform pg_sleep(0.01); end loop; end $$;
             commit"
        );
        let there = database.clone();
        let holding = std::thread::spawn(move || drop(there.sql(&sql)));
        let relation = table.to_owned();
        eventually("the table is held", || {
            let sql = format!(
                "select count(*) from pg_locks where relation = '{relation}'::regclass and mode = 'AccessExclusiveLock' and granted"
            );
            if database.sql(&sql) == "1" { Ok(()) } else { Err("not yet") }
        });
        Held { database: database.clone(), name, holding: Some(holding) }
    }

    /// Returns when so many statements wait for a lock in this database.
    pub fn until_waiting(&self, many: usize) {
        let sql = format!(
            "select count(*) from pg_stat_activity where datname = '{}' and wait_event_type = 'Lock'",
            self.database.name
        );
        eventually("statements wait for the held table", || match self.database.sql(&sql) {
            waiting if waiting == many.to_string() => Ok(()),
            waiting => Err(format!("{waiting} wait, not {many}")),
        });
    }

    pub fn let_go(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(holding) = self.holding.take() {
            self.database.sql(&format!("insert into {} values (true)", self.name));
            let _ = holding.join();
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.end();
        }
    }
}

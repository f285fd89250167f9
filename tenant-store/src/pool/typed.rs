//! Statements without a name, for a pooler that gives each transaction another connection of the server's
//! (PgBouncer with `pool_mode = transaction`): a statement that is prepared on one is unknown on the next, and one whose
//! name was left behind is in the way of its next bearer.
//!
//! A nameless statement is parsed, bound and carried out in one message, for which the types of its parameters must be
//! known beforehand. They are asked once for each text and kept; all of them are Postgres' own types, the same in every
//! schema. The plan is made anew each time, which is the price of such a pooler.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, RowStream, SimpleQueryMessage};

use super::Param;

/// Texts whose types are kept, the program's own and the latest of filters; others are asked for anew.
const TEXTS: NonZeroUsize = NonZeroUsize::new(2048).expect("not zero");

/// What stands between the program and Postgres.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pooler {
    /// Nothing, or something that keeps a connection for each of ours: statements are prepared once a connection.
    #[default]
    None,
    /// A pooler that gives each transaction another connection.
    Transaction,
}

/// The types of parameters, by the statement's text.
pub struct Types(Mutex<LruCache<String, Arc<[Type]>>>);

impl Default for Types {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(TEXTS)))
    }
}

impl Types {
    pub fn known(&self, sql: &str) -> Option<Arc<[Type]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(sql).cloned()
    }

    /// Those that are known, or asks.
    pub async fn of(&self, client: &Client, sql: &str) -> Result<Arc<[Type]>, tokio_postgres::Error> {
        match self.known(sql) {
            Some(types) => Ok(types),
            None => self.ask(client, sql).await,
        }
    }

    /// Asks the server, where the names of the text resolve.
    ///
    /// One message, so that whatever becomes of its sender the statement is gone with it; a name of its own, should that
    /// fail.
    pub async fn ask(&self, client: &Client, sql: &str) -> Result<Arc<[Type]>, tokio_postgres::Error> {
        let name = format!("prefecture_{:032x}", rand::random::<u128>());
        let question = format!(
            "PREPARE {name} AS {sql};\
             SELECT pg_catalog.unnest(parameter_types)::pg_catalog.oid FROM pg_catalog.pg_prepared_statements \
             WHERE name = '{name}';\
             DEALLOCATE {name}"
        );
        let answer = client.simple_query(&question).await?;
        let types = answer.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default()),
            _ => None,
        });
        // For a type that Postgres does not have of its own no value passes: a defect of the statement, met by its test.
        let types = types.map(|oid| oid.parse().ok().and_then(Type::from_oid).unwrap_or(Type::UNKNOWN));
        let types: Arc<[Type]> = types.collect();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put(sql.to_owned(), types.clone());
        Ok(types)
    }
}

pub async fn query(
    client: &Client,
    sql: &str,
    types: &[Type],
    params: &[Param<'_>],
) -> Result<RowStream, tokio_postgres::Error> {
    client.query_typed_raw(sql, typed(types, params)).await
}

/// How many rows it touched.
pub async fn execute(
    client: &Client,
    sql: &str,
    types: &[Type],
    params: &[Param<'_>],
) -> Result<u64, tokio_postgres::Error> {
    client.execute_typed(sql, &typed(types, params)).await
}

/// As many as there are of both; the server refuses a number that is wrong.
fn typed<'a>(types: &[Type], params: &[Param<'a>]) -> Vec<(Param<'a>, Type)> {
    params.iter().copied().zip(types.iter().cloned()).collect()
}

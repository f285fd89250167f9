//! Statements of a transaction: each is prepared once a connection, or sent with its types through a pooler, and its rows are
//! held to what they may take.

use std::sync::Arc;

use domain::kinds::Kinds;
use futures_util::TryStreamExt;
use futures_util::future::BoxFuture;
use tokio_postgres::types::Type;
use tokio_postgres::{Row, RowStream, Statement};

use super::{Last, Mode, Param, Tx};
use crate::pool::picker::Prepared;
use crate::pool::typed::{self, Pooler};
use crate::sql::writes;
use crate::{Error, Result};

pub(super) enum Text<'q> {
    Fixed(&'static str),
    Shape(&'q str),
}

/// How a text is sent.
enum Plan {
    Prepared(Statement),
    /// Without a name, with the types of its parameters: through a pooler.
    Typed(Arc<[Type]>),
}

impl Text<'_> {
    fn as_str(&self) -> &str {
        match self {
            Text::Fixed(sql) => sql,
            Text::Shape(sql) => sql,
        }
    }
}

impl Tx<'_> {
    /// What must be known of a text to send it, with what it writes; learned inside this transaction if it is not known yet.
    async fn plan(&mut self, text: &Text<'_>) -> Result<(Plan, Kinds)> {
        if let Some(known) = self.known(text)? {
            return Ok(known);
        }
        let writes = writes::kinds(text.as_str())?;
        // Names resolve only where the search path is set.
        let alone = !self.connection.open;
        if alone {
            self.open().await?;
        }
        let (pool, pulse) = (self.scope.pool(), self.connection.pulse());
        let client = self.connection.client();
        let plan = match pool.settings().pooler {
            Pooler::None => Plan::Prepared(pulse.or_away(client.prepare(text.as_str())).await?),
            Pooler::Transaction => Plan::Typed(pulse.or_away(pool.0.types.ask(client, text.as_str())).await?),
        };
        if alone && self.mode == Mode::EachStatement {
            self.connection.pulse().or_away(self.connection.client().batch_execute("COMMIT")).await?;
            self.connection.open = false;
        }
        if let Plan::Prepared(statement) = &plan {
            let prepared = Prepared { statement: statement.clone(), writes };
            let (statements, workspace) = self.connection.slot().statements();
            match text {
                Text::Fixed(sql) => statements.keep_fixed(workspace, sql, prepared),
                Text::Shape(sql) => statements.keep_shape(workspace, (*sql).to_owned(), prepared),
            }
        }
        Ok((plan, writes))
    }

    fn known(&mut self, text: &Text<'_>) -> Result<Option<(Plan, Kinds)>> {
        let pool = self.scope.pool();
        if pool.settings().pooler == Pooler::Transaction {
            let Some(types) = pool.0.types.known(text.as_str()) else { return Ok(None) };
            return Ok(Some((Plan::Typed(types), writes::kinds(text.as_str())?)));
        }
        let (statements, workspace) = self.connection.slot().statements();
        let known = match text {
            Text::Fixed(sql) => statements.fixed(workspace, sql),
            Text::Shape(sql) => statements.shape(workspace, sql),
        };
        Ok(known.map(|Prepared { statement, writes }| (Plan::Prepared(statement), writes)))
    }

    // Boxed: every operation awaits these, and what they consist of would be part of each operation's type, for the
    // compiler to go through as often.

    pub(super) fn query<'q>(
        &'q mut self,
        text: Text<'q>,
        params: &'q [Param<'q>],
        last: Last,
    ) -> BoxFuture<'q, Result<Vec<Row>>> {
        Box::pin(async move {
            let plan = self.prepared(&text).await?;
            let most = self.most;
            let work = async |client: &tokio_postgres::Client| {
                let rows = match &plan {
                    Plan::Prepared(statement) => client.query_raw(statement, params.iter().copied()).await?,
                    Plan::Typed(types) => typed::query(client, text.as_str(), types, params).await?,
                };
                at_hand(rows, most).await
            };
            let result = self.flush(last, work).await;
            if result.as_ref().is_err_and(is_stale_plan) {
                // A migration changed a result type under a plan: everything prepared before it is prepared anew, by the
                // retry of the client that is told 503.
                self.connection.slot().statements().0.forget();
            }
            result?.ok_or(Error::TooMuch(most))
        })
    }

    pub(super) fn execute<'q>(
        &'q mut self,
        text: Text<'q>,
        params: &'q [Param<'q>],
        last: Last,
    ) -> BoxFuture<'q, Result<u64>> {
        Box::pin(async move {
            let plan = self.prepared(&text).await?;
            let work = async |client: &tokio_postgres::Client| match &plan {
                Plan::Prepared(statement) => client.execute(statement, params).await,
                Plan::Typed(types) => typed::execute(client, text.as_str(), types, params).await,
            };
            self.flush(last, work).await
        })
    }

    /// A statement that is about to be carried out.
    async fn prepared(&mut self, text: &Text<'_>) -> Result<Plan> {
        let (plan, writes) = self.plan(text).await?;
        self.written = self.written.union(writes);
        Ok(plan)
    }
}

fn is_stale_plan(error: &Error) -> bool {
    matches!(error, Error::Unavailable(text) if text.contains("cached plan must not change result type"))
}

/// The rows of a statement, unless they take more bytes than that.
async fn at_hand(rows: RowStream, most: usize) -> Result<Option<Vec<Row>>, tokio_postgres::Error> {
    let mut rows = std::pin::pin!(rows);
    let (mut kept, mut bytes) = (Vec::new(), 0_usize);
    while let Some(row) = rows.try_next().await? {
        bytes += row.raw_size_bytes();
        if bytes > most {
            return Ok(None);
        }
        kept.push(row);
    }
    Ok(Some(kept))
}

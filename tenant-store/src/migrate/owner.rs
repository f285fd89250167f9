//! The login that owns the schemas, and its connections.

use std::collections::HashMap;
use std::time::Duration;

use tokio_postgres::Client;

use crate::{Error, Postgres, Result};

/// How the databases are reached by the login that owns the schemas in them.
#[derive(Clone, Debug)]
pub struct Owners {
    /// A `postgresql://` URL of the control database.
    pub control: String,
    /// The same for each placement; `default` may be the control database itself.
    pub places: HashMap<String, String>,
    /// The login that serves requests, which is given the rights it needs and no more.
    pub serving_role: String,
    /// A role without login for each workspace; off where the database lets nobody make roles.
    pub tenant_roles: bool,
}

const CONNECT_WITHIN: Duration = Duration::from_secs(10);

impl Owners {
    pub(super) async fn control(&self) -> Result<Client> {
        connect(&self.control).await
    }

    pub(super) async fn place(&self, placement: &str) -> Result<Client> {
        match self.places.get(placement) {
            Some(url) => connect(url).await,
            None => Err(Error::Unavailable(format!("placement {placement:?} is not configured"))),
        }
    }
}

pub(super) async fn connect(url: &str) -> Result<Client> {
    let postgres: Postgres = url.parse().map_err(|e| Error::Unavailable(format!("the database's URL {e}")))?;
    let connected = postgres.named("prefecture-owner").connect(CONNECT_WITHIN).await;
    let (client, _) = connected.map_err(|e| match Error::from(e) {
        Error::Internal(text) => Error::Unavailable(text),
        other => other,
    })?;
    // What a DROP takes along is no news.
    client.batch_execute("SET client_min_messages TO warning").await?;
    Ok(client)
}

/// An identifier in SQL text.
pub(super) fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// A string in SQL text, whatever `standard_conforming_strings` says.
pub(super) fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// 150000 for 15.0.
pub(super) async fn server_version(client: &Client) -> Result<i32> {
    let row = client.query_one("select current_setting('server_version_num')::integer", &[]).await?;
    Ok(row.try_get(0)?)
}

#[cfg(test)]
mod tests {
    use super::{literal, quoted};

    #[test]
    fn text_cannot_leave_its_quotes() {
        assert_eq!(quoted(r#"a"; drop"#), r#""a""; drop""#);
        assert_eq!(literal(r"it's \ "), r"E'it''s \\ '");
    }
}

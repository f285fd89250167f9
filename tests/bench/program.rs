//! This program, as a deployment runs it: `prefecture migrate`, `prefecture serve`, workspaces made through its API.

use ::tests::{Account, Builder, Cluster, Database, Server};

use crate::Result;
use crate::bulk::{Store, Tables};
use crate::http::Target;
use crate::place::Place;

#[derive(Debug)]
pub struct Program {
    pub server: Server,
    pub account: Account,
    /// The workspace of the rows that need just one.
    pub place: Place,
}

impl Program {
    pub fn start(cluster: &'static Cluster, settings: &[(String, String)]) -> Result<Program> {
        let server = server(&cluster.database(), settings).start();
        let account = Account::create(&server);
        let place = furnished(&server, &account)?;
        Ok(Program { server, account, place })
    }

    /// Another workspace with a flow and templates.
    pub fn workspace(&self) -> Result<Place> {
        self.workspace_of(&self.account)
    }

    /// Such a workspace of another account.
    pub fn workspace_of(&self, account: &Account) -> Result<Place> {
        furnished(&self.server, account)
    }
}

/// A replica on a database, with these settings.
pub fn server(database: &Database, settings: &[(String, String)]) -> Builder {
    settings.iter().fold(Server::builder().database(database), |builder, (name, value)| builder.env(name, value))
}

fn furnished(server: &Server, account: &Account) -> Result<Place> {
    let tenant = account.workspace();
    let schema = server
        .database()
        .sql(&format!("select schema_name from control.workspace where id = '{}'", tenant.workspace_id));
    let store = Store { database: server.database().clone(), schema, tables: Tables::Program };
    Place::furnish(Target::parse(&tenant.api_url(), Some(&tenant.key))?, tenant.api(), store)
}

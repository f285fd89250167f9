//! This program, as a deployment runs it: `prefecture migrate`, `prefecture serve`, workspaces made through its API.

use ::tests::{Account, Builder, Cluster, Database, Server};

use crate::Result;
use crate::args::Measure;
use crate::bulk::{Store, Tables};
use crate::cpu::Watch;
use crate::http::Target;
use crate::place::Place;
use crate::scene;

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

/// This program on a Postgres of its own, for rows whose data or whose background work would be in the way of others.
#[derive(Debug)]
pub struct Apart {
    pub program: Program,
    postgres: u32,
}

impl Apart {
    pub fn start(measure: &Measure, more: &[(&str, &str)]) -> Result<Apart> {
        let (cluster, postgres) = scene::cluster(measure)?;
        let mut settings = scene::settings(measure)?;
        settings.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Ok(Apart { program: Program::start(cluster, &settings)?, postgres })
    }

    /// Its own processes.
    pub fn watch(&self, server: &Server) -> Watch {
        Watch { server: vec![server.pid()], postgres: vec![self.postgres], generator: Vec::new() }
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

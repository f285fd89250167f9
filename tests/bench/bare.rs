//! The bare server that stands for the limit of reads: axum and deadpool and nothing else.
//!
//! `/run/ID` reads a run by its key with the statement that the program sends, outside of any transaction, and answers as
//! many bytes as the program does; `/bytes` answers them without asking anybody, `/unchanged` is a 304. It is given an
//! advantage that no server has: the answer is made beforehand.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use ::tests::{Folder, Running, eventually};
use axum::Router;
use axum::extract::{Path as Part, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use uuid::Uuid;

use crate::Result;
use crate::args::Bare;
use crate::http::Target;
use crate::pgbench;

struct Limit {
    pool: Pool,
    statement: String,
    body: String,
}

/// The command `bench bare`.
pub async fn serve(args: Bare) -> Result<()> {
    let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_config(args.database_url.parse()?, tokio_postgres::NoTls, manager);
    let pool = Pool::builder(manager).max_size(args.connections).build()?;
    let (statement, body) = (std::fs::read_to_string(args.statement)?, std::fs::read_to_string(args.body)?);
    let app = Router::new().route("/run/{id}", get(run)).route("/bytes", get(bytes));
    let app = app.route("/unchanged", get(async || StatusCode::NOT_MODIFIED));
    let app = app.with_state(Arc::new(Limit { pool, statement, body }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(axum::serve::ListenerExt::tap_io(listener, |stream| drop(stream.set_nodelay(true))), app).await?)
}

async fn bytes(State(limit): State<Arc<Limit>>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], limit.body.clone()).into_response()
}

async fn run(State(limit): State<Arc<Limit>>, Part(id): Part<Uuid>) -> Response {
    let found = async {
        let client = limit.pool.get().await?;
        let statement = client.prepare_cached(&limit.statement).await?;
        Ok::<_, crate::Error>(client.query_opt(&statement, &[&id]).await?.is_some())
    };
    match found.await {
        Ok(true) => ([(header::CONTENT_TYPE, "application/json")], limit.body.clone()).into_response(),
        Ok(false) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// The bare server in a process of its own.
#[derive(Debug)]
pub struct BareServer {
    pub target: Target,
    running: Running,
    _folder: Folder,
}

impl BareServer {
    /// `statement` is what `/run/ID` sends; empty for whoever asks for no run.
    pub fn start(place: pgbench::Place<'_>, statement: &str, body: &[u8], connections: usize) -> Result<BareServer> {
        let folder = Folder::new("bare");
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).map(|()| path)
        };
        let schema = place.schema;
        let url = format!("{}?options=-c%20role%3D{schema}%20-c%20search_path%3D{schema}", place.database.url());
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["bare", "--database-url", &url, "--connections", &connections.to_string()]);
        command.arg("--statement").arg(write("statement.sql", statement.as_bytes())?);
        command.arg("--body").arg(write("body.json", body)?);
        let log: &Path = &folder.path().join("log");
        let mut running = Running::start("the bare server", command, log, "KILL");
        let url = eventually("the bare server says where it listens", || {
            assert!(running.ended().is_none(), "the bare server ended:\n{}", running.log());
            let said = running.log();
            said.lines().find_map(|line| line.strip_prefix("listening on ").map(str::to_owned)).ok_or("not yet")
        });
        Ok(BareServer { target: Target::parse(&url, None)?, running, _folder: folder })
    }

    pub fn pid(&self) -> u32 {
        self.running.pid()
    }
}

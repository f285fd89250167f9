//! `/logs/out`: lines as they are stored, for whoever watches a run. There is no back-fill, as in the reference.

use std::time::Duration;

use domain::logs::Log;
use futures_util::{SinkExt, StreamExt};
use serde::Serialize;
use serde_json::Value;
use tenant_store::logs::LogFilter;
use tokio::sync::broadcast::error::RecvError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use wire::{Errors, Input};

use super::greeting::{Greeting, Guest, close};
use super::watch::{Lookout, Watch, first_words, stay};
use crate::kit::Socket;

/// How long a listener may take to take what it asked for.
const SEND: Duration = Duration::from_secs(20);

#[derive(Serialize)]
struct Frame<'l> {
    r#type: &'static str,
    log: &'l Log,
}

pub async fn run(mut socket: Socket, greeting: Greeting) {
    let Some(Guest { app, scope, admission, place: _place, first }) = greeting.receive(&mut socket).await else {
        return;
    };
    let mut watch = Watch::new(&app, admission);
    let Some(text) = first_words(&mut socket, &mut watch, first).await else { return };
    let filter = match filter_of(&text) {
        Ok(filter) => filter,
        Err(reason) => return close(&mut socket, CloseCode::Protocol, &reason).await,
    };
    let mut lines = app.hub().listen_to_logs(&scope);
    loop {
        tokio::select! {
            batch = lines.recv() => match batch {
                Ok(batch) => {
                    if !matches!(tokio::time::timeout(SEND, send(&mut socket, &filter, &batch)).await, Ok(Ok(()))) { return }
                }
                Err(RecvError::Lagged(_)) => {
                    return close(&mut socket, CloseCode::Again, "Too slow for the lines that are written: connect again").await;
                }
                Err(RecvError::Closed) => return,
            },
            message = socket.next() => match message {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(message)) => {
                    watch.heard();
                    if matches!(message, Message::Ping(_)) && socket.flush().await.is_err() { return }
                }
            },
            look = watch.look() => if !stay(&mut socket, look).await { return },
        }
    }
}

async fn send(socket: &mut Socket, filter: &LogFilter, batch: &[Log]) -> Result<(), Error> {
    for log in batch {
        // A filter may name thousands of runs: others get their turn between the lines.
        tokio::task::coop::consume_budget().await;
        if !filter.passes(log) {
            continue;
        }
        // Plain data.
        let text = serde_json::to_string(&Frame { r#type: "log", log }).unwrap_or_default();
        socket.feed(Message::text(text)).await?;
    }
    socket.flush().await
}

/// The filter of a filter message; why it is none otherwise, short enough for a close frame.
fn filter_of(text: &str) -> Result<LogFilter, String> {
    let message: Value = serde_json::from_str(text).unwrap_or_default();
    if message["type"] != "filter" {
        return Err("Expected 'filter' message".into());
    }
    let filter = message["filter"].to_string();
    let filter = wire::json::parse(filter.as_bytes()).map_err(|_| "Invalid filter")?;
    let mut errors = Errors::of("filter");
    LogFilter::parse(&filter, &mut errors).ok_or_else(|| {
        let first = errors.items().first().map(|item| item.msg.as_str()).unwrap_or_default();
        format!("Invalid filter: {first}").chars().take(100).collect()
    })
}

//! `/events/out`: events as they are stored, for whoever waits for some; first those of a moment ago, if they are wanted.

use std::collections::HashSet;
use std::time::Duration;

use domain::EventId;
use domain::events::filter::{EventFilter, EventOrder};
use futures_util::{FutureExt, SinkExt, StreamExt};
use serde_json::Value;
use tenant_store::events::{self, Page, Place};
use tenant_store::{Lane, Scope};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use wire::{Errors, Input, Time};

use super::greeting::{Greeting, Guest, close};
use super::hub::{Frame, Listening};
use super::watch::{End, Lookout, Watch, first_words, stay};
use crate::kit::Socket;

/// How far back is filled at most (the reference's).
const BACK: i64 = 15 * 60 * 1_000_000;
/// Events that are read at once for it.
const PAGE: i64 = 250;
/// Of what was stored before this, in microseconds, nothing can also be told: clocks of replicas and database are nearer.
const MEANWHILE: i64 = 60 * 1_000_000;
/// How long a listener may take to take what it asked for.
const SEND: Duration = Duration::from_secs(20);

const TOO_SLOW: End = End { code: CloseCode::Again, reason: "Too slow for the events that are stored: connect again" };
const NOT_READ: End = End { code: CloseCode::Again, reason: "Events could not be read: connect again" };

pub async fn run(mut socket: Socket, greeting: Greeting) {
    let Some(Guest { app, scope, admission, place: _place, first }) = greeting.receive(&mut socket).await else {
        return;
    };
    let mut watch = Watch::new(&app, admission);
    let Some(text) = first_words(&mut socket, &mut watch, first).await else { return };
    let Asked { filter, backfill } = match Asked::read(&text, Time::of_machine()) {
        Ok(asked) => asked,
        Err(reason) => return close(&mut socket, CloseCode::Protocol, &reason).await,
    };
    // First this, so that nothing falls between what is read and what is told.
    let listening = app.hub().listen_to_events(&scope, filter.clone());
    let ended = async {
        let filled = match backfill {
            true => fill(&mut socket, &scope, &filter, &mut watch).await?,
            false => HashSet::new(),
        };
        follow(&mut socket, listening, filled, &mut watch).await
    };
    if let Err(Some(End { code, reason })) = ended.await {
        close(&mut socket, code, reason).await;
    }
}

/// Why it ends; without a reason where nobody is left to be told.
type Ended = Option<End>;

/// Sends what there is already.
async fn fill(
    socket: &mut Socket,
    scope: &Scope,
    filter: &EventFilter,
    watch: &mut Watch,
) -> Result<HashSet<EventId>, Ended> {
    let mut sent = HashSet::new();
    let begun = Time::from_micros(Time::of_machine().micros() - MEANWHILE);
    let mut page = Page::First;
    loop {
        let found = async {
            let mut tx = scope.read(Lane::Heavy).await?;
            events::page(&mut tx, filter, page, PAGE).await
        };
        let found = found.await.map_err(|error| {
            tracing::warn!(%error, "events could not be read for a socket");
            Some(NOT_READ)
        })?;
        for event in &found {
            let Frame { id, text } = Frame::of(event);
            feed(socket, Message::Text(text)).await?;
            if event.received >= begun {
                sent.insert(id);
            }
        }
        flush(socket).await?;
        while let Some(message) = socket.next().now_or_never() {
            hear(socket, message, watch).await?;
        }
        match found.last().filter(|_| found.len() as i64 == PAGE) {
            Some(last) => page = Page::Behind(Place { occurred: last.event.occurred, id: last.event.id }),
            None => return Ok(sent),
        }
        if let Some(end) = watch.ended() {
            return Err(Some(end));
        }
    }
}

/// Sends what happens, but for what was sent already.
async fn follow(
    socket: &mut Socket,
    mut listening: Listening,
    mut filled: HashSet<EventId>,
    watch: &mut Watch,
) -> Result<(), Ended> {
    loop {
        tokio::select! {
            frame = listening.next() => {
                let Some(frame) = frame else { return Err(Some(TOO_SLOW)) };
                if !filled.remove(&frame.id) {
                    feed(socket, Message::Text(frame.text.clone())).await?;
                    flush(socket).await?;
                }
            }
            message = socket.next() => hear(socket, message, watch).await?,
            look = watch.look() => if !stay(socket, look).await { return Err(None) },
        }
    }
}

/// What the peer says, which is a word of its being there, or of its leaving.
async fn hear(socket: &mut Socket, message: Option<Result<Message, Error>>, watch: &mut Watch) -> Result<(), Ended> {
    match message {
        Some(Ok(Message::Close(_)) | Err(_)) | None => Err(None),
        Some(Ok(Message::Ping(_))) => {
            watch.heard();
            flush(socket).await
        }
        Some(Ok(_)) => {
            watch.heard();
            Ok(())
        }
    }
}

async fn feed(socket: &mut Socket, message: Message) -> Result<(), Ended> {
    in_time(socket.feed(message)).await
}

async fn flush(socket: &mut Socket) -> Result<(), Ended> {
    in_time(socket.flush()).await
}

async fn in_time(sending: impl Future<Output = Result<(), Error>>) -> Result<(), Ended> {
    match tokio::time::timeout(SEND, sending).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(None),
        Err(_) => Err(Some(TOO_SLOW)),
    }
}

/// What a filter message asks for.
struct Asked {
    filter: EventFilter,
    backfill: bool,
}

impl Asked {
    /// Why it is none otherwise, short enough for a close frame.
    fn read(text: &str, now: Time) -> Result<Self, String> {
        let message: Value = serde_json::from_str(text).unwrap_or_default();
        if message["type"] != "filter" {
            return Err("Expected 'filter' message".into());
        }
        let filter = message["filter"].to_string();
        let filter = wire::json::parse(filter.as_bytes()).map_err(|_| "Invalid filter")?;
        let mut errors = Errors::of("filter");
        let filter = EventFilter::parse(&filter, &mut errors).filter(|_| errors.is_empty()).ok_or_else(|| {
            let first = errors.items().first().map(|item| item.msg.as_str()).unwrap_or_default();
            format!("Invalid filter: {first}").chars().take(100).collect::<String>()
        })?;
        let mut filter = filter.resolved(now);
        filter.order = EventOrder::Asc;
        let earliest = Time::from_micros(now.micros() - BACK);
        filter.occurred.since = filter.occurred.since.map(|since| since.max(earliest));
        Ok(Self { filter, backfill: message["backfill"].as_bool().unwrap_or(true) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_message_is_read_with_its_times_bounded() {
        let now = Time::from_micros(1_700_000_000_000_000);
        let asked = Asked::read(r#"{"type":"filter","filter":{"occurred":{"since":0},"order":"DESC"}}"#, now).unwrap();
        assert_eq!(asked.filter.occurred.since, Some(Time::from_micros(now.micros() - BACK)));
        assert!(asked.backfill && asked.filter.order == EventOrder::Asc && asked.filter.occurred.until == Some(now));
        assert!(!Asked::read(r#"{"type":"filter","filter":{},"backfill":false}"#, now).unwrap().backfill);
    }

    #[test]
    fn other_messages_are_refused_with_their_reason() {
        for (text, reason) in [
            ("x", "Expected 'filter' message"),
            (r#"{"type":"auth"}"#, "Expected 'filter' message"),
            (r#"{"type":"filter"}"#, "Invalid filter: Input should be a valid dictionary"),
            (r#"{"type":"filter","filter":{"x":1}}"#, "Invalid filter: Extra inputs are not permitted"),
        ] {
            let told = Asked::read(text, Time::default()).err().unwrap();
            assert!(told.starts_with(reason) && told.len() <= 123, "{told}");
        }
    }
}

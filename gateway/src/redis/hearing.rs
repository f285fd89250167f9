//! Hearing what other replicas publish: a connection of its own, made again whenever it is lost.
//!
//! What is published while it is lost is not heard, so whoever listens is told of each beginning, and asks for itself then
//! what it may have missed.

use std::time::Duration;

use futures_util::StreamExt;
use redis::Msg;

use super::Redis;

/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(500);
/// How often the server is asked whether it is there: a connection that is gone without a word is heard of by that alone.
const PING: Duration = Duration::from_secs(5);

/// What a listener is told.
pub enum Heard<'m> {
    /// From now on; something may have been missed.
    Begun,
    Message(&'m [u8]),
}

impl Redis {
    /// Publishes a message. Nobody may hear it: whoever needs it looks for itself now and then.
    pub async fn publish(&self, channel: &str, message: &[u8]) -> Result<(), super::Away> {
        self.command::<i64>(redis::cmd("PUBLISH").arg(channel).arg(message)).await.map(drop)
    }

    /// Listens for as long as it is awaited.
    pub async fn hear(&self, channel: &str, told: impl Fn(Heard<'_>)) {
        loop {
            match self.0.address.subscribe(channel).await {
                Ok(hearing) => {
                    told(Heard::Begun);
                    let (mut sink, mut messages) = hearing.split();
                    let mut tick = tokio::time::interval(PING);
                    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
                    loop {
                        tokio::select! {
                            message = messages.next() => match message {
                                Some(message) => told(Heard::Message(Msg::get_payload_bytes(&message))),
                                None => break,
                            },
                            _ = tick.tick() => {
                                let pong = tokio::time::timeout(PING, sink.ping::<redis::Value>()).await;
                                if !matches!(pong, Ok(Ok(_))) { break }
                            }
                        }
                    }
                    tracing::debug!("the connection that hears other replicas is lost");
                }
                Err(error) => tracing::debug!(%error, "other replicas cannot be heard"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

//! Reads bodies of requests. Refuses one that is larger than may be (413), one that breaks off (400), and one for which
//! there is no memory besides what is in hand (503): each counts from when it comes until its request is answered.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::EdgeSettings;
use crate::kit::{Failure, Reply};

pub struct Bodies {
    /// Largest of one, in bytes.
    limit: usize,
    /// A permit a byte.
    memory: Arc<Semaphore>,
}

/// The memory of a body, until dropped.
pub struct Room(#[expect(dead_code, reason = "held, not read")] Option<OwnedSemaphorePermit>);

impl Bodies {
    pub fn new(settings: &EdgeSettings) -> Self {
        let memory = settings.bodies_memory.min(Semaphore::MAX_PERMITS);
        Self { limit: settings.body_limit, memory: Arc::new(Semaphore::new(memory)) }
    }

    /// Whether a body may be as long as its head says.
    pub fn fits(&self, headers: &HeaderMap) -> Reply<()> {
        let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        match announced.is_some_and(|length| length > self.limit as u64) {
            true => Err(self.too_large()),
            false => Ok(()),
        }
    }

    pub async fn read<B>(&self, body: &mut B) -> Reply<(Bytes, Room)>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        // Most bodies come in one piece, which is kept as it is.
        let (mut first, mut rest, mut room) = (Bytes::new(), BytesMut::new(), None);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Failure::bad_request("The request's body broke off."))?;
            let Ok(data) = frame.into_data() else { continue };
            if first.len() + rest.len() + data.len() > self.limit {
                return Err(self.too_large());
            }
            self.make_room(&mut room, data.len())?;
            match first.is_empty() {
                true => first = data,
                false => rest.extend_from_slice(&data),
            }
        }
        if !rest.is_empty() {
            first = [first, rest.freeze()].concat().into();
        }
        Ok((first, Room(room)))
    }

    fn make_room(&self, room: &mut Option<OwnedSemaphorePermit>, bytes: usize) -> Reply<()> {
        let full = || Failure::unavailable("The service is busy. Try again.", "no memory for more bodies of requests");
        let bytes = u32::try_from(bytes).map_err(|_| full())?;
        let more = self.memory.clone().try_acquire_many_owned(bytes).map_err(|_| full())?;
        match room {
            Some(room) => room.merge(more),
            None => *room = Some(more),
        }
        Ok(())
    }

    fn too_large(&self) -> Failure {
        Failure::new(StatusCode::PAYLOAD_TOO_LARGE, format!("The request's body is larger than {} bytes.", self.limit))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;
    use http_body_util::StreamBody;
    use hyper::body::Frame;

    use super::*;

    fn body(pieces: &'static [&'static str]) -> impl Body<Data = Bytes> + Unpin {
        let frame = |piece: &&'static str| Ok::<_, Infallible>(Frame::data(Bytes::from_static(piece.as_bytes())));
        StreamBody::new(stream::iter(pieces.iter().map(frame)))
    }

    async fn read(bodies: &Bodies, pieces: &'static [&'static str]) -> Result<(Bytes, Room), StatusCode> {
        bodies.read(&mut body(pieces)).await.map_err(|failure| failure.status())
    }

    #[tokio::test]
    async fn bodies_in_hand_share_their_memory() {
        let bodies = Bodies { limit: 8, memory: Arc::new(Semaphore::new(10)) };
        let (first, room) = read(&bodies, &["abc", "d", "", "ef"]).await.unwrap();
        assert_eq!(first, "abcdef");
        assert_eq!(read(&bodies, &["12345"]).await.err(), Some(StatusCode::SERVICE_UNAVAILABLE));
        assert_eq!(read(&bodies, &["1234"]).await.map(|(body, _)| body), Ok(Bytes::from("1234")));
        drop(room);
        assert_eq!(read(&bodies, &["123456", "789"]).await.err(), Some(StatusCode::PAYLOAD_TOO_LARGE));
        // What was refused gave back what it had.
        assert_eq!(read(&bodies, &["12345678"]).await.map(|(body, _)| body), Ok(Bytes::from("12345678")));
        assert_eq!(bodies.memory.available_permits(), 10);
    }
}

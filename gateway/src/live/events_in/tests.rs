//! The loop against a keeper that is held: nothing is acknowledged that is not kept.

use tokio::io::{DuplexStream, duplex};
use tokio::sync::{Semaphore, mpsc};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};

use super::*;

type Kept = mpsc::UnboundedReceiver<Vec<String>>;

/// Says what it is given, and waits for a permit before it answers.
struct Held {
    said: mpsc::UnboundedSender<Vec<String>>,
    permits: std::sync::Arc<Semaphore>,
    answer: Result<(), End>,
}

impl Keeper for Held {
    async fn keep(&self, texts: &[String]) -> Result<(), End> {
        self.said.send(texts.to_vec()).expect("the test listens");
        self.permits.acquire().await.expect("it is never closed").forget();
        self.answer
    }
}

/// Never has anything to do, or ends the socket.
struct Quiet(Option<End>);

impl Lookout for Quiet {
    fn heard(&mut self) {}

    async fn look(&mut self) -> Look {
        match self.0 {
            Some(end) => Look::End(end),
            None => std::future::pending().await,
        }
    }
}

struct Scene {
    client: WebSocketStream<DuplexStream>,
    kept: Kept,
    permits: std::sync::Arc<Semaphore>,
}

impl Scene {
    async fn open(answer: Result<(), End>, end: Option<End>) -> Self {
        let (here, there) = duplex(1 << 20);
        let client = WebSocketStream::from_raw_socket(here, Role::Client, None).await;
        #[expect(clippy::disallowed_methods, reason = "a test that holds a commit must not hold what tells of it")]
        let (said, kept) = mpsc::unbounded_channel();
        let permits = std::sync::Arc::new(Semaphore::new(0));
        let keeper = Held { said, permits: permits.clone(), answer };
        tokio::spawn(async move {
            let mut socket = WebSocketStream::from_raw_socket(there, Role::Server, None).await;
            serve(&mut socket, &keeper, &mut Quiet(end), None).await;
        });
        Self { client, kept, permits }
    }

    async fn send(&mut self, messages: impl IntoIterator<Item = Message>) {
        for message in messages {
            self.client.feed(message).await.expect("the socket is open");
        }
        self.client.flush().await.expect("the socket is open");
    }

    async fn kept(&mut self) -> Vec<String> {
        self.kept.recv().await.expect("the loop runs")
    }

    /// Whether nothing has come. The loop is at its keeper, and stays there until it gets a permit.
    fn is_silent(&mut self) -> bool {
        self.client.next().now_or_never().is_none()
    }

    async fn receive(&mut self) -> Message {
        self.client.next().await.expect("a message").expect("the socket is open")
    }
}

fn ping() -> Message {
    Message::Ping(Bytes::from_static(b"p"))
}

fn close_frame(code: CloseCode, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame { code, reason: reason.into() }))
}

#[tokio::test]
async fn a_pong_waits_for_the_commit_of_what_came_before_its_ping() {
    let mut scene = Scene::open(Ok(()), None).await;
    scene.send([Message::text("1"), Message::text("2"), ping(), Message::text("3"), ping()]).await;
    assert_eq!(scene.kept().await, ["1", "2"]);
    assert!(scene.is_silent());
    scene.permits.add_permits(1);
    // The second ping is not answered by the first one's pong.
    assert_eq!(scene.kept().await, ["3"]);
    assert_eq!(scene.receive().await, Message::Pong(Bytes::from_static(b"p")));
    assert!(scene.is_silent());
    scene.permits.add_permits(1);
    assert_eq!(scene.receive().await, Message::Pong(Bytes::from_static(b"p")));
}

#[tokio::test]
async fn a_ping_without_events_is_answered_at_once() {
    let mut scene = Scene::open(Ok(()), None).await;
    scene.send([ping()]).await;
    assert_eq!(scene.receive().await, Message::Pong(Bytes::from_static(b"p")));
}

#[tokio::test]
async fn a_close_waits_for_the_commit() {
    let mut scene = Scene::open(Ok(()), None).await;
    let close = close_frame(CloseCode::Normal, "");
    scene.send([Message::text("1"), close.clone()]).await;
    assert_eq!(scene.kept().await, ["1"]);
    assert!(scene.is_silent());
    scene.permits.add_permits(1);
    assert_eq!(scene.receive().await, close);
}

#[tokio::test]
async fn what_came_before_the_connection_broke_is_kept() {
    let mut scene = Scene::open(Ok(()), None).await;
    scene.send([Message::text("1"), Message::text("2")]).await;
    let Scene { client, mut kept, permits } = scene;
    drop(client);
    assert_eq!(kept.recv().await, Some(vec!["1".into(), "2".into()]));
    permits.add_permits(1);
    assert_eq!(kept.recv().await, None);
}

#[tokio::test]
async fn what_could_not_be_kept_is_not_acknowledged() {
    let mut scene = Scene::open(Err(NOT_STORED), None).await;
    scene.permits.add_permits(1);
    scene.send([Message::text("1"), ping()]).await;
    assert_eq!(scene.receive().await, close_frame(NOT_STORED.code, NOT_STORED.reason));
}

#[tokio::test]
async fn the_end_is_told_with_its_reason() {
    let mut scene = Scene::open(Ok(()), Some(End::NO_KEY)).await;
    assert_eq!(scene.receive().await, close_frame(CloseCode::Policy, "The key is no longer valid"));
}

#[tokio::test]
async fn a_burst_is_kept_in_batches_before_it_is_acknowledged() {
    let mut scene = Scene::open(Ok(()), None).await;
    let events = (0..3 * BATCH + 1).map(|nth| Message::text(nth.to_string()));
    scene.send(events.chain([ping()])).await;
    scene.permits.add_permits(1000);
    let mut next = 0;
    while next < 3 * BATCH + 1 {
        let batch = scene.kept().await;
        assert!(batch.len() <= BATCH);
        for text in batch {
            assert_eq!(text, next.to_string());
            next += 1;
        }
    }
    assert_eq!(scene.receive().await, Message::Pong(Bytes::from_static(b"p")));
}

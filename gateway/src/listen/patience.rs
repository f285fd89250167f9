//! Ends a connection that holds its place without using it: between two requests, in the head of one, or because it does
//! not take what is sent to it. A body that comes slowly is the dispatcher's matter, which can answer.
//!
//! One wrapper around the stream sees all of it, in HTTP/1 and HTTP/2, with TLS and without, and on web sockets.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::config::ConnectionSettings;

/// So much must be taken within the write time-out. A bound on time alone is met by a byte now and then.
const PACE: usize = 16 * 1024;
/// Requests that may be given up before their answer: beyond, a connection on which most are is there to make work.
const GIVEN_UP: usize = 100;
/// How HTTP/2 begins.
const HTTP_2: &[u8] = b"PRI";

/// How long each kind of doing nothing may last.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    idle: Duration,
    head: Duration,
    write: Duration,
}

impl Patience {
    pub fn of(settings: &ConnectionSettings) -> Self {
        Self { idle: settings.idle_timeout, head: settings.head_timeout, write: settings.write_timeout }
    }
}

/// What a connection is doing, shared by its stream and the service behind it.
#[derive(Clone)]
pub struct Doing(Arc<Mutex<State>>);

/// Pure: the moment is a parameter.
#[derive(Debug)]
struct State {
    /// Requests that have no answer yet.
    in_work: usize,
    /// Answers that were not handed on to their end.
    answering: usize,
    /// Requests that were answered, and those that the client gave up before.
    answered: usize,
    given_up: usize,
    /// Written since `quiet`, in HTTP/2.
    written: usize,
    /// A web socket, which asks after its peer itself.
    upgraded: bool,
    /// Known from the first bytes. A head's beginning cannot be told there from other frames.
    http_2: Option<bool>,
    /// Since when nothing is asked for and nothing is sent.
    quiet: Instant,
    /// Since when a head is on its way.
    head: Option<Instant>,
}

impl State {
    fn new(now: Instant) -> Self {
        Self {
            in_work: 0,
            answering: 0,
            answered: 0,
            given_up: 0,
            written: 0,
            upgraded: false,
            http_2: None,
            quiet: now,
            head: None,
        }
    }

    fn read(&mut self, bytes: &[u8], now: Instant) {
        if bytes.is_empty() {
            return;
        }
        let http_2 = *self.http_2.get_or_insert(bytes.starts_with(&HTTP_2[..bytes.len().min(HTTP_2.len())]));
        if self.in_work == 0 && !http_2 {
            self.head.get_or_insert(now);
        }
    }

    /// In HTTP/2 the answers to pings are written as well, so that only much is a sign that answers are being taken.
    fn wrote(&mut self, bytes: usize, now: Instant) {
        self.written += bytes;
        if self.http_2 != Some(true) || self.written >= PACE {
            (self.quiet, self.written) = (now, 0);
        }
    }

    fn begin(&mut self) {
        self.in_work += 1;
        self.head = None;
    }

    fn answered(&mut self, now: Instant) {
        self.in_work = self.in_work.saturating_sub(1);
        (self.answered, self.answering, self.quiet) = (self.answered + 1, self.answering + 1, now);
    }

    /// Whether it matters when a part of an answer is asked for: in HTTP/1 patience begins when the answer was handed on.
    fn minds_parts(&self) -> bool {
        self.http_2 == Some(true)
    }

    /// `answered`: it came to an answer.
    fn end(&mut self, answered: bool, now: Instant) {
        match answered {
            true => self.answering = self.answering.saturating_sub(1),
            false => (self.in_work, self.given_up) = (self.in_work.saturating_sub(1), self.given_up + 1),
        }
        self.quiet = now;
    }

    fn is_flood(&self) -> bool {
        self.given_up > GIVEN_UP && self.given_up > self.answered
    }

    /// When patience ends, if nothing happens until then.
    fn deadline(&self, patience: Patience) -> Option<Instant> {
        // In HTTP/2 a client may hold back an answer without a word, by its windows; in HTTP/1 the stream is stuck then.
        let answering = self.answering > 0 && self.http_2 != Some(true);
        if self.in_work > 0 || answering || self.upgraded {
            return None;
        }
        let idle = self.quiet + patience.idle;
        Some(self.head.map_or(idle, |since| since + patience.head))
    }
}

/// A request in work, until dropped.
pub struct InWork {
    doing: Doing,
    answered: bool,
}

impl InWork {
    /// There is an answer, of which the rest is to be handed on.
    pub fn answered(&mut self) {
        self.answered = true;
        self.doing.state().answered(Instant::now());
    }

    /// A part of the answer was asked for.
    pub fn goes_on(&self) {
        let mut state = self.doing.state();
        if state.minds_parts() {
            state.quiet = Instant::now();
        }
    }
}

impl Doing {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn begin(&self) -> InWork {
        self.state().begin();
        InWork { doing: self.clone(), answered: false }
    }

    pub fn upgraded(&self) {
        self.state().upgraded = true;
    }
}

impl Drop for InWork {
    fn drop(&mut self) {
        self.doing.state().end(self.answered, Instant::now());
    }
}

/// A stream that fails when patience ends. Holds `K` as long as it lives: also as a web socket, which outlives HTTP.
pub struct Patient<S, K> {
    stream: S,
    doing: Doing,
    patience: Patience,
    alarm: Pin<Box<Sleep>>,
    stuck: Option<Stuck>,
    _kept: K,
}

/// The peer does not take what it is sent.
struct Stuck {
    alarm: Pin<Box<Sleep>>,
    /// Taken since the alarm was set.
    taken: usize,
}

impl<S, K> Patient<S, K> {
    pub fn new(stream: S, patience: Patience, kept: K) -> (Self, Doing) {
        let now = Instant::now();
        let doing = Doing(Arc::new(Mutex::new(State::new(now))));
        let alarm = Box::pin(tokio::time::sleep_until(now + patience.idle));
        (Self { stream, doing: doing.clone(), patience, alarm, stuck: None, _kept: kept }, doing)
    }

    /// Nothing came. The alarm is always set, at the latest for a look whether there is still work.
    fn wait_to_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let now = Instant::now();
            let deadline = self.doing.state().deadline(self.patience);
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            let look = deadline.unwrap_or(now + self.patience.idle);
            // A later one waits until the alarm goes off: most are overtaken by the next request.
            if look < self.alarm.deadline() || self.alarm.is_elapsed() {
                self.alarm.as_mut().reset(look);
            }
            ready!(self.alarm.as_mut().poll(cx));
        }
    }

    /// Nothing was taken.
    fn wait_to_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let write = self.patience.write;
        let stuck = self.stuck.get_or_insert_with(|| Stuck { alarm: Box::pin(tokio::time::sleep(write)), taken: 0 });
        ready!(stuck.alarm.as_mut().poll(cx));
        Poll::Ready(io::ErrorKind::TimedOut.into())
    }

    fn taken(&mut self, bytes: usize) {
        let now = Instant::now();
        self.doing.state().wrote(bytes, now);
        if let Some(stuck) = &mut self.stuck {
            stuck.taken += bytes;
            if stuck.taken >= PACE {
                stuck.taken = 0;
                stuck.alarm.as_mut().reset(now + self.patience.write);
            }
        }
    }

    fn written(&mut self, polled: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match polled {
            Poll::Ready(Ok(bytes)) => {
                self.taken(bytes);
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => self.wait_to_write(cx).map(Err),
        }
    }

    /// Everything that was to be written is on its way, or not yet.
    fn settled(&mut self, polled: Poll<io::Result<()>>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match polled {
            Poll::Ready(done) => {
                self.stuck = None;
                Poll::Ready(done)
            }
            Poll::Pending => self.wait_to_write(cx).map(Err),
        }
    }
}

impl<S: AsyncRead + Unpin, K: Unpin> AsyncRead for Patient<S, K> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.doing.state().is_flood() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let before = buf.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Ready(done) => {
                self.doing.state().read(&buf.filled()[before..], Instant::now());
                Poll::Ready(done)
            }
            Poll::Pending => self.wait_to_read(cx),
        }
    }
}

impl<S: AsyncWrite + Unpin, K: Unpin> AsyncWrite for Patient<S, K> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(polled, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.written(polled, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.settled(polled, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.settled(polled, cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    const PATIENCE: Patience =
        Patience { idle: Duration::from_secs(75), head: Duration::from_secs(10), write: Duration::from_secs(30) };

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn a_head_is_awaited_from_its_first_byte_and_idleness_from_the_last_answer() {
        let start = Instant::now();
        let mut state = State::new(start);
        assert_eq!(state.deadline(PATIENCE), Some(start + seconds(75)));
        state.read(b"G", start + seconds(5));
        state.read(b"ET /", start + seconds(9));
        assert_eq!(state.deadline(PATIENCE), Some(start + seconds(15)));
        state.begin();
        assert_eq!(state.deadline(PATIENCE), None);
        state.read(b"a body", start + seconds(20));
        state.answered(start + seconds(90));
        assert_eq!(state.deadline(PATIENCE), None, "it is being taken, or the stream is stuck");
        state.end(true, start + seconds(100));
        assert_eq!(state.deadline(PATIENCE), Some(start + seconds(175)));
        state.wrote(1, start + seconds(101));
        assert_eq!(state.deadline(PATIENCE), Some(start + seconds(176)));
    }

    #[test]
    fn frames_of_http_2_are_no_head_and_do_not_keep_a_connection_open() {
        let start = Instant::now();
        let mut state = State::new(start);
        state.read(b"PRI * HTTP/2.0", start);
        state.read(b"ping", start + seconds(50));
        assert_eq!(state.deadline(PATIENCE), Some(start + seconds(75)));
        state.begin();
        state.begin();
        state.answered(start + seconds(60));
        assert_eq!(state.deadline(PATIENCE), None, "another stream is in work");
        state.answered(start + seconds(70));
        assert_eq!(state.deadline(PATIENCE), Some(start + seconds(145)), "nobody takes the answers");
        state.wrote(17, start + seconds(100));
        assert_eq!(state.deadline(PATIENCE), Some(start + seconds(145)), "a ping was answered");
        state.wrote(PACE, start + seconds(110));
        assert_eq!(state.deadline(PATIENCE), Some(start + seconds(185)), "an answer is taken");
        state.end(true, start + seconds(120));
        state.end(true, start + seconds(120));
        assert_eq!(state.deadline(PATIENCE), Some(start + seconds(195)));
    }

    #[test]
    fn a_connection_on_which_most_requests_are_given_up_is_a_flood() {
        let now = Instant::now();
        let mut state = State::new(now);
        for _ in 0..200 {
            state.begin();
            state.answered(now);
            state.end(true, now);
        }
        for nth in 1..=201 {
            assert!(!state.is_flood(), "{nth}");
            state.begin();
            state.end(false, now);
        }
        assert!(state.is_flood());
    }

    #[test]
    fn a_web_socket_looks_after_itself() {
        let mut state = State::new(Instant::now());
        state.upgraded = true;
        assert_eq!(state.deadline(PATIENCE), None);
    }

    /// Short, for tests that must see it end. What must not end in them has far more time than it needs.
    fn short(idle: u64, head: u64, write: u64) -> (Patient<DuplexStream, ()>, Doing, DuplexStream) {
        let (ours, theirs) = duplex(64 * 1024);
        let [idle, head, write] = [idle, head, write].map(Duration::from_millis);
        let (patient, doing) = Patient::new(ours, Patience { idle, head, write }, ());
        (patient, doing, theirs)
    }

    #[tokio::test]
    async fn silence_ends_when_patience_does_and_not_during_a_request() {
        let (mut patient, doing, _theirs) = short(50, 50, 50);
        let work = doing.begin();
        let mut read = [0; 3];
        let silent = tokio::time::timeout(Duration::from_millis(500), patient.read(&mut read)).await;
        assert!(silent.is_err(), "ended during a request: {silent:?}");
        drop(work);
        assert_eq!(patient.read(&mut read).await.map_err(|error| error.kind()), Err(io::ErrorKind::TimedOut));
    }

    #[tokio::test]
    async fn a_head_that_trickles_ends() {
        let (mut patient, _doing, mut theirs) = short(60_000, 200, 60_000);
        let trickle = tokio::spawn(async move {
            while theirs.write_all(b"a").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let error = loop {
            if let Err(error) = patient.read_u8().await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(patient);
        trickle.await.unwrap();
    }

    #[tokio::test]
    async fn who_takes_a_byte_now_and_then_is_left_and_who_takes_enough_is_not() {
        for (bytes, whole) in [(1, false), (PACE, true)] {
            let (mut patient, _doing, mut theirs) = short(60_000, 60_000, 2000);
            let reader = tokio::spawn(async move {
                let mut buf = vec![0; bytes];
                while theirs.read_exact(&mut buf).await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
            let sent = patient.write_all(&vec![0; 40 * PACE]).await;
            assert_eq!(sent.is_ok(), whole, "{bytes} bytes every 20 milliseconds");
            // What still lies between them it would take a byte at a time.
            reader.abort();
        }
    }
}

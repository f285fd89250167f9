//! Web sockets as the SDK opens them: the subprotocol `prefect`, an `auth` message first, JSON frames.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::http::HeaderValue;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Error, Message, WebSocket};

/// How long a frame may take to come before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Socket(WebSocket<MaybeTlsStream<TcpStream>>);

/// What comes in.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    Json(Value),
    Pong(Vec<u8>),
    /// Code and reason, or None when the connection ended without a word.
    Closed(Option<(u16, String)>),
}

impl Socket {
    /// Opens a socket at an `http://` address. No message is sent yet.
    pub fn open(url: &str, headers: &[(&str, &str)]) -> Result<Socket, Box<Error>> {
        let url = url.replacen("http", "ws", 1);
        let mut request = url.into_client_request()?;
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("prefect"));
        for (name, value) in headers {
            let name = tungstenite::http::HeaderName::from_bytes(name.as_bytes()).expect("a test names a header");
            request.headers_mut().insert(name, HeaderValue::from_str(value).expect("a test gives a header value"));
        }
        let (socket, _answer) = tungstenite::connect(request)?;
        let MaybeTlsStream::Plain(stream) = socket.get_ref() else { unreachable!("ws is plain") };
        stream.set_read_timeout(Some(PATIENCE)).map_err(Error::Io)?;
        Ok(Socket(socket))
    }

    /// Sends the `auth` message and returns what the server says to it.
    pub fn authenticate(&mut self, key: Option<&str>) -> Incoming {
        self.send(&json!({"type": "auth", "token": key}));
        self.receive()
    }

    #[track_caller]
    pub fn send(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).expect("the socket is open");
    }

    /// Like [`Socket::send`], for a socket that may be gone.
    pub fn try_send(&mut self, message: &Value) -> Result<(), Box<Error>> {
        Ok(self.0.send(Message::text(message.to_string()))?)
    }

    pub fn send_raw(&mut self, text: &str) {
        self.0.send(Message::text(text)).expect("the socket is open");
    }

    /// A text frame of any bytes, also such as are no text. The connection may be gone.
    pub fn try_send_bytes(&mut self, bytes: &[u8]) -> Result<(), Box<Error>> {
        let text = OpCode::Data(Data::Text);
        Ok(self.0.send(Message::Frame(Frame::message(bytes.to_vec(), text, true)))?)
    }

    /// A binary frame. The connection may be gone.
    pub fn try_send_binary(&mut self, bytes: &[u8]) -> Result<(), Box<Error>> {
        Ok(self.0.send(Message::Binary(bytes.to_vec().into()))?)
    }

    #[track_caller]
    pub fn ping(&mut self, payload: &[u8]) {
        self.0.send(Message::Ping(payload.to_vec().into())).expect("the socket is open");
    }

    /// Like [`Socket::ping`], for a socket that may be gone.
    pub fn try_ping(&mut self, payload: &[u8]) -> Result<(), Box<Error>> {
        Ok(self.0.send(Message::Ping(payload.to_vec().into()))?)
    }

    /// Ends the connection in the middle of a message, as a network does that goes away.
    pub fn cut_within(mut self, text: &str) {
        let mut frame = Frame::message(text.as_bytes().to_vec(), OpCode::Data(Data::Text), true);
        frame.header_mut().mask = Some(*b"mask");
        let mut bytes = Vec::new();
        frame.format(&mut bytes).expect("memory takes everything");
        // The connection may be gone already, which comes to the same.
        let _ = self.0.get_mut().write_all(&bytes[..bytes.len() / 2]);
    }

    /// Begins to close; the server's answer comes by [`Socket::receive`].
    pub fn close(&mut self) {
        let frame = CloseFrame { code: tungstenite::protocol::frame::coding::CloseCode::Normal, reason: "".into() };
        let _ = self.0.close(Some(frame));
    }

    /// The next frame; pings are answered on the way. Fails the test when none comes in a minute.
    #[track_caller]
    pub fn receive(&mut self) -> Incoming {
        self.next().unwrap_or_else(|| panic!("no frame within {PATIENCE:?}"))
    }

    fn next(&mut self) -> Option<Incoming> {
        loop {
            match self.0.read() {
                Ok(Message::Text(text)) => {
                    let parsed = serde_json::from_str(text.as_str());
                    return Some(Incoming::Json(parsed.unwrap_or_else(|error| panic!("not JSON ({error}): {text}"))));
                }
                Ok(Message::Pong(payload)) => return Some(Incoming::Pong(payload.to_vec())),
                Ok(Message::Close(frame)) => {
                    // Reads on until the connection is down, so that the close handshake ends as it should.
                    while self.0.read().is_ok() {}
                    return Some(Incoming::Closed(frame.map(|frame| (frame.code.into(), frame.reason.to_string()))));
                }
                Ok(Message::Ping(_)) => {}
                Ok(other) => panic!("a frame that no client expects: {other:?}"),
                Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => return None,
                Err(_) => return Some(Incoming::Closed(None)),
            }
        }
    }

    /// The next frame, if one comes in that time.
    pub fn receive_within(&mut self, patience: Duration) -> Option<Incoming> {
        self.patience(patience);
        let next = self.next();
        self.patience(PATIENCE);
        next
    }

    fn patience(&self, patience: Duration) {
        let MaybeTlsStream::Plain(stream) = self.0.get_ref() else { unreachable!("ws is plain") };
        stream.set_read_timeout(Some(patience)).expect("it is not zero");
    }

    /// The next JSON frame; anything else fails the test.
    #[track_caller]
    pub fn json(&mut self) -> Value {
        match self.receive() {
            Incoming::Json(value) => value,
            other => panic!("expected a JSON frame, got {other:?}"),
        }
    }
}

//! From a request to a web socket (RFC 6455, section 4.2). The loops over sockets are in `live`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::{Call, Failure, Reply, Response, answer};

/// An open web socket.
pub type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// The version of the protocol (RFC 6455, 4.2.2).
const VERSION: &str = "13";

/// The subprotocol of Prefect's sockets; a client that offers it must be answered with it.
pub const PROTOCOL: &str = "prefect";

/// Bytes of the largest message of a socket that a peer says little by.
const SMALL: usize = 1 << 20;

/// A handshake that was agreed to: the answer to send, and the socket that opens once it was sent.
pub struct Handshake {
    pub response: Response,
    /// Whether the client offered the subprotocol, and so will say its key in a message.
    pub offered_protocol: bool,
    upgrade: OnUpgrade,
    config: WebSocketConfig,
}

impl Handshake {
    /// Agrees to a handshake. `max_message` bounds a message, in bytes.
    pub fn accept(call: &mut Call, max_message: usize) -> Reply<Self> {
        if call.header(SEC_WEBSOCKET_VERSION.as_str()).map(str::trim) != Some(VERSION) {
            return Err(Failure::no_socket_version(VERSION));
        }
        let key = call.headers.get(SEC_WEBSOCKET_KEY).filter(|key| is_nonce(key.as_bytes()));
        let key = key.ok_or_else(|| Failure::bad_request("Sec-WebSocket-Key must be 16 bytes in base64."))?;
        let accept = derive_accept_key(key.as_bytes());
        let offered_protocol = offers(&call.headers);
        let upgrade = call.upgrade.take().ok_or_else(|| Failure::bad_request("This connection cannot be upgraded."))?;

        let mut response = Response::new(answer::whole(bytes::Bytes::new()));
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.extend(HeaderValue::from_str(&accept).ok().map(|value| (SEC_WEBSOCKET_ACCEPT, value)));
        if offered_protocol {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
        }
        // Each open socket holds its buffer, and most of them are quiet: the library's 128 KiB would be 250 MB for 2,000.
        let buffer = if max_message <= SMALL { 4 << 10 } else { 32 << 10 };
        let config = WebSocketConfig::default()
            .max_message_size(Some(max_message))
            .max_frame_size(Some(max_message))
            .read_buffer_size(buffer);
        Ok(Self { response, offered_protocol, upgrade, config })
    }

    /// The answer, and the socket once the answer is on its way. Await the second in a task of its own.
    pub fn open(self) -> (Response, impl Future<Output = Result<Socket, hyper::Error>> + Send) {
        let Self { response, upgrade, config, .. } = self;
        let socket = async move {
            let stream = TokioIo::new(upgrade.await?);
            Ok(WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await)
        };
        (response, socket)
    }
}

/// 16 bytes in base64 (RFC 6455, 4.1).
fn is_nonce(key: &[u8]) -> bool {
    STANDARD.decode(key.trim_ascii()).is_ok_and(|bytes| bytes.len() == 16)
}

fn offers(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|name| name.trim() == PROTOCOL)
}

//! Who is at the other end of a socket.
//!
//! A key in the `Authorization` header of the upgrade lets the caller in (or was refused there). Whoever brought one is
//! answered `auth_success` to any auth message, a null token included. Whoever brought none must say `{"type": "auth",
//! "token": "key" or "user:key"}` first. The SDK with a key but without `PREFECT_CLOUD_API_URL` sends a null token and no
//! header: it is told what to set, in the reason that it prints.

use std::time::Duration;

use domain::WorkspaceId;
use futures_util::{SinkExt, StreamExt};
use http::StatusCode;
use serde_json::Value;
use tenant_store::Scope;
use tenant_store::control::ApiKey;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::watch::{End, until};
use crate::App;
use crate::edge::{Admission, admit};
use crate::kit::{Call, Caller, ClientAddress, Need, Params, Secret, Socket, Tenant};
use crate::limits::Place;

/// How long a client may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a goodbye may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// At most 123 bytes fit in a close frame. Clients print it: it names the cure.
const NO_KEY: &str =
    "No key came with this socket: set PREFECT_CLOUD_API_URL beside PREFECT_API_URL, or PREFECT_API_AUTH_STRING";
const BAD_KEY: &str =
    "Invalid authentication credentials: see PREFECT_API_KEY, PREFECT_CLOUD_API_URL, PREFECT_API_AUTH_STRING";
const NO_SCOPE: &str = "Your role in this workspace lacks the scope that this socket needs";
const CROWDED: &str = "Too many sockets of this workspace are open";
const LATER: &str = "Temporarily unavailable: connect again";

/// What the request said of the caller.
pub struct Greeting {
    app: App,
    tenant: Tenant,
    need: Need,
    socket: &'static str,
    header: Option<Secret>,
    offered_protocol: bool,
    client: ClientAddress,
    params: Params,
}

/// A caller who may stay.
pub struct Guest {
    pub app: App,
    pub scope: Scope,
    pub admission: Admission,
    /// Among the open sockets of the workspace; given up when dropped.
    pub place: Place<WorkspaceId>,
    /// A message that came before any greeting was due: the first event of a caller who needs none.
    pub first: Option<String>,
}

impl Greeting {
    pub fn of(cx: Call, offered_protocol: bool) -> Self {
        let header = cx.key.filter(|_| matches!(cx.caller, Caller::Workspace { .. }));
        let (tenant, client, params) = (cx.address.tenant, cx.client, cx.params);
        Self { tenant, need: cx.op.need, socket: cx.op.path, header, offered_protocol, client, params, app: cx.app }
    }

    /// A parameter of the path.
    pub fn param(&self, name: &str) -> Option<String> {
        self.params.get(name).map(str::to_owned)
    }

    pub fn app(&self) -> &App {
        &self.app
    }

    /// Lets the caller in, or closes the socket with the reason.
    pub async fn receive(self, socket: &mut Socket) -> Option<Guest> {
        let by_header = match &self.header {
            Some(key) => Some(self.admit(&key.0).await),
            None => None,
        };
        let by_header = match by_header {
            // It counted when the socket was opened, a moment ago.
            Some(Err(refusal)) => return self.refuse(socket, refusal).await,
            Some(Ok(admission)) if !self.offered_protocol => return self.guest(socket, admission, None).await,
            Some(Ok(admission)) => Some(admission),
            None => None,
        };
        let mut draining = self.app.draining();
        let waited = tokio::select! {
            waited = tokio::time::timeout(PATIENCE, next_text(socket)) => waited,
            () = until(&mut draining, true) => {
                let End { code, reason } = End::RESTART;
                close(socket, code, reason).await;
                return None;
            }
        };
        let word = match waited {
            Ok(Some(text)) => Word::of(text),
            Ok(None) => return None,
            Err(_) => return self.refuse(socket, Refusal::because("Expected an auth message")).await,
        };
        let admitted = match (by_header, word) {
            // Nothing to say before its first message.
            (Some(admission), Word::Other(text)) => return self.guest(socket, admission, Some(text)).await,
            (Some(admission), Word::Auth(_)) => Ok(admission),
            (None, Word::Auth(Some(token))) => self.admit(&token).await,
            (None, Word::Auth(None) | Word::Other(_)) => Err(Refusal::because(NO_KEY)),
        };
        match admitted {
            Ok(admission) => {
                // A place first: who was welcomed stays.
                let guest = self.guest(socket, admission, None).await?;
                socket.send(Message::text(r#"{"type":"auth_success"}"#)).await.ok()?;
                Some(guest)
            }
            Err(refusal) => self.refuse(socket, refusal).await,
        }
    }

    async fn admit(&self, token: &str) -> Result<Admission, Refusal> {
        let failure = match admit(&self.app, self.client, token, self.tenant, self.need).await {
            Ok(admission) => return Ok(admission),
            Err(failure) => failure,
        };
        let masked = ApiKey::parse(token.rsplit(':').next().unwrap_or(token)).map(|key| key.mask());
        let (code, reason) = match failure.status() {
            // After 1008 a client gives up for good, and its task runs with it.
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => (CloseCode::Again, LATER),
            StatusCode::FORBIDDEN => (CloseCode::Policy, NO_SCOPE),
            _ => (CloseCode::Policy, BAD_KEY),
        };
        Err(Refusal { code, reason, masked })
    }

    async fn guest(self, socket: &mut Socket, admission: Admission, first: Option<String>) -> Option<Guest> {
        let Caller::Workspace { scope, .. } = &admission.caller else { return None };
        let scope = scope.clone();
        let Some(place) = self.app.limits().sockets.enter(scope.workspace()) else {
            self.app.metrics().limits.refused("sockets");
            close(socket, CloseCode::Again, CROWDED).await;
            return None;
        };
        Some(Guest { app: self.app, scope, admission, place, first })
    }

    async fn refuse(&self, socket: &mut Socket, refusal: Refusal) -> Option<Guest> {
        let Refusal { code, reason, masked } = refusal;
        self.app.metrics().sockets.refused(self.socket);
        tracing::warn!(socket = self.socket, tenant = ?self.tenant, key = masked, reason, "socket refused");
        close(socket, code, reason).await;
        None
    }
}

/// Why a caller may not stay.
struct Refusal {
    code: CloseCode,
    reason: &'static str,
    /// The key it came with, as far as it may be shown.
    masked: Option<String>,
}

impl Refusal {
    fn because(reason: &'static str) -> Self {
        Self { code: CloseCode::Policy, reason, masked: None }
    }
}

/// The first thing a caller says.
#[derive(Debug, PartialEq)]
enum Word {
    /// An auth message, with a token that is not empty.
    Auth(Option<String>),
    Other(String),
}

impl Word {
    fn of(text: String) -> Self {
        let message: Value = serde_json::from_str(&text).unwrap_or_default();
        if message["type"] != "auth" {
            return Word::Other(text);
        }
        Word::Auth(message["token"].as_str().filter(|token| !token.is_empty()).map(str::to_owned))
    }
}

/// The next text, answering pings meanwhile; `None` when the peer went away.
pub async fn next_text<S>(socket: &mut WebSocketStream<S>) -> Option<String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match socket.next().await?.ok()? {
            Message::Text(text) => return Some(text.as_str().to_owned()),
            Message::Ping(_) => socket.flush().await.ok()?,
            Message::Close(_) => return None,
            _ => {}
        }
    }
}

/// Says goodbye and waits, not for long, for the peer to say it too.
pub async fn close<S>(socket: &mut WebSocketStream<S>, code: CloseCode, reason: &str)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let frame = CloseFrame { code, reason: reason.into() };
    let farewell = async {
        // What still comes in is not confirmed, so its sender keeps it.
        if socket.close(Some(frame)).await.is_ok() {
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    let _ = tokio::time::timeout(FAREWELL, farewell).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_fit_in_a_close_frame() {
        for reason in [NO_KEY, BAD_KEY, NO_SCOPE, CROWDED, LATER] {
            assert!(reason.len() <= 123, "{reason}");
        }
        assert!(NO_KEY.contains("PREFECT_CLOUD_API_URL") && BAD_KEY.contains("PREFECT_CLOUD_API_URL"));
    }

    #[test]
    fn the_first_word_is_an_auth_message_or_not() {
        let auth = |token: &str| Word::Auth(Some(token.into()));
        for (text, word) in [
            (r#"{"type":"auth","token":"k"}"#, auth("k")),
            (r#"{"token":"u:k","type":"auth","more":1}"#, auth("u:k")),
            (r#"{"type":"auth","token":null}"#, Word::Auth(None)),
            (r#"{"type":"auth","token":""}"#, Word::Auth(None)),
            (r#"{"type":"auth","token":5}"#, Word::Auth(None)),
            (r#"{"type":"auth"}"#, Word::Auth(None)),
        ] {
            assert_eq!(Word::of(text.into()), word, "{text}");
        }
        for text in [r#"{"type":"filter"}"#, r#"{"occurred":"…"}"#, "[]", "x", ""] {
            assert_eq!(Word::of(text.into()), Word::Other(text.into()));
        }
    }
}

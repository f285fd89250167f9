//! Who is at the other end of a socket.
//!
//! A key in the `Authorization` header of the upgrade lets the caller in (or was refused there). Whoever brought one is
//! answered `auth_success` to any auth message, a null token included. Whoever brought none must say `{"type": "auth",
//! "token": "key" or "user:key"}` first. The SDK with a key but without `PREFECT_CLOUD_API_URL` sends a null token and no
//! header: it is told what to set, in the reason that it prints.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tenant_store::Scope;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::App;
use crate::edge::{Admission, admit};
use crate::kit::{Call, Caller, Need, Secret, Socket, Tenant};

/// How long a client may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(10);

/// At most 123 bytes fit in a close frame.
const NO_KEY: &str = "No key came with this socket: set PREFECT_CLOUD_API_URL beside PREFECT_API_URL, or PREFECT_API_AUTH_STRING";
const BAD_KEY: &str = "Invalid authentication credentials";

/// What the request said of the caller.
pub struct Greeting {
    app: App,
    tenant: Tenant,
    need: Need,
    socket: &'static str,
    header: Option<Secret>,
    offered_protocol: bool,
}

/// A caller who may stay.
pub struct Guest {
    pub app: App,
    pub scope: Scope,
    pub admission: Admission,
    /// A message that came before any greeting was due: the first event of a caller who needs none.
    pub first: Option<String>,
}

impl Greeting {
    pub fn of(cx: Call, offered_protocol: bool) -> Self {
        let header = cx.key.filter(|_| matches!(cx.caller, Caller::Workspace { .. }));
        Self { tenant: cx.address.tenant, need: cx.op.need, socket: cx.op.path, header, offered_protocol, app: cx.app }
    }

    pub fn app(&self) -> &App {
        &self.app
    }

    /// Lets the caller in, or closes the socket with the reason.
    pub async fn receive(self, socket: &mut Socket) -> Option<Guest> {
        let admission = match &self.header {
            Some(key) => admit(&self.app, &key.0, self.tenant, self.need).await.ok(),
            None => None,
        };
        // A caller with a header who offered no subprotocol has nothing to say before its first message.
        if let (Some(admission), false) = (&admission, self.offered_protocol) {
            return self.guest(admission.clone(), None);
        }
        let text = match tokio::time::timeout(PATIENCE, next_text(socket)).await {
            Ok(Some(text)) => text,
            Ok(None) => return None,
            Err(_) => return self.refuse(socket, "Expected an auth message").await,
        };
        let message: Value = serde_json::from_str(&text).unwrap_or_default();
        if message["type"] != "auth" {
            return match admission {
                Some(admission) => self.guest(admission, Some(text)),
                None => self.refuse(socket, "Expected an auth message").await,
            };
        }
        let admission = match (admission, message["token"].as_str()) {
            (Some(admission), _) => Ok(admission),
            (None, None | Some("")) => Err(NO_KEY),
            (None, Some(token)) => admit(&self.app, token, self.tenant, self.need).await.map_err(|_| BAD_KEY),
        };
        match admission {
            Ok(admission) => {
                socket.send(Message::text(r#"{"type":"auth_success"}"#)).await.ok()?;
                self.guest(admission, None)
            }
            Err(reason) => self.refuse(socket, reason).await,
        }
    }

    fn guest(&self, admission: Admission, first: Option<String>) -> Option<Guest> {
        let Caller::Workspace { scope, .. } = &admission.caller else { return None };
        Some(Guest { app: self.app.clone(), scope: scope.clone(), admission, first })
    }

    async fn refuse(&self, socket: &mut Socket, reason: &'static str) -> Option<Guest> {
        self.app.metrics().sockets_refused.with_label_values(&[self.socket]).inc();
        tracing::warn!(socket = self.socket, tenant = ?self.tenant, reason, "socket refused");
        close(socket, CloseCode::Policy, reason).await;
        None
    }
}

/// The next text, answering pings meanwhile; `None` when the peer went away.
pub async fn next_text(socket: &mut Socket) -> Option<String> {
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
pub async fn close(socket: &mut Socket, code: CloseCode, reason: &str) {
    let frame = CloseFrame { code, reason: reason.into() };
    if socket.close(Some(frame)).await.is_ok() {
        let farewell = async { while let Some(Ok(_)) = socket.next().await {} };
        let _ = tokio::time::timeout(Duration::from_secs(2), farewell).await;
    }
}

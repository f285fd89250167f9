//! The public address, as a client reaches it: through whatever stands in front. No key is needed: a socket with a wrong
//! key is refused where one with none may say its own, so it shows whether the key arrived.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use http::StatusCode;
use http::header::{AUTHORIZATION, CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, Upgraded, Url};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};

use super::report::{Report, Verdict};

const ADDRESS: &str = "public address";
const SLASHES: &str = "trailing slashes";
const HEADERS: &str = "headers";
const SOCKETS: &str = "web sockets";
const QUIET: &str = "quiet connections";
const KEYS: &str = "authorization";
const BODIES: &str = "large bodies";
/// What is looked at once the address answers.
const THEN: [&str; 6] = [SLASHES, HEADERS, SOCKETS, QUIET, KEYS, BODIES];

/// For one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The server closes a socket on which nobody says who it is after ten seconds; the goodbye has a while to come.
const UNTIL_THE_SERVER_CLOSES: Duration = Duration::from_secs(15);
/// A workspace that nobody has.
const NOWHERE: &str = "accounts/00000000-0000-0000-0000-000000000000/workspaces/00000000-0000-0000-0000-000000000000";

type Socket = WebSocketStream<Upgraded>;

struct Public {
    client: Client,
    /// Up to and with `/api`.
    api: String,
}

/// `body_limit` is the program's own, in bytes.
pub async fn look(url: Option<&str>, body_limit: usize) -> Report {
    let mut report = Report::default();
    let Some(url) = url else {
        report.skipped(ADDRESS, "name it with --public-url to look through what stands in front");
        return report;
    };
    let public = match Public::new(url) {
        Ok(public) => public,
        Err(why) => {
            report.bad(ADDRESS, why, "write for example https://prefect.example.org");
            return report;
        }
    };
    if !public.answers(&mut report).await {
        THEN.iter().for_each(|check| report.skipped(check, "the address must answer first"));
        return report;
    }
    public.slashes(&mut report).await;
    public.headers(&mut report).await;
    public.sockets(&mut report).await;
    public.authorization(&mut report).await;
    public.bodies(&mut report, body_limit).await;
    report
}

impl Public {
    fn new(url: &str) -> Result<Self, String> {
        let parsed = Url::parse(url).map_err(|why| format!("no address: {why}"))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(format!("{} is neither http nor https", parsed.scheme()));
        }
        if !parsed.username().is_empty() || parsed.password().is_some() || parsed.query().is_some() {
            return Err("an address with a user, a password or a query: no client of Prefect sends them".to_owned());
        }
        // A socket is opened by HTTP/1.1, and what is sent elsewhere by a redirect has lost its key on the way. Each check has
        // a connection of its own, so that none inherits what another one did to it.
        let client = Client::builder().http1_only().redirect(Policy::none()).pool_max_idle_per_host(0);
        let client = client.timeout(UNTIL_THE_SERVER_CLOSES * 2).build().map_err(|error| causes(&error))?;
        let base = parsed.as_str().trim_end_matches('/').trim_end_matches("/api");
        Ok(Self { client, api: format!("{base}/api") })
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}/{path}", self.api)).timeout(PATIENCE)
    }

    /// Whether this program answers there, over TLS.
    async fn answers(&self, report: &mut Report) -> bool {
        let cure = "is the address right, does the proxy run, and does it reach PREFECTURE_LISTEN? Certificates must be \
                    of an authority that clients know";
        let answer = match self.get("health").send().await {
            Ok(answer) => answer,
            Err(error) => {
                report.bad(ADDRESS, causes(&error), cure);
                return false;
            }
        };
        let (status, ours) = (answer.status(), answer.headers().contains_key("x-request-id"));
        if status != StatusCode::OK || !ours {
            let by = if ours { "" } else { " by something else" };
            report.bad(ADDRESS, format!("/api/health is answered {status}{by}"), cure);
            return false;
        }
        let local = ["http://127.", "http://localhost", "http://[::1]"].iter().any(|local| self.api.starts_with(local));
        let open = !local && self.api.starts_with("http:");
        let found = format!("{} answers{}", self.api, if open { " in the clear" } else { "" });
        report.unless(open, Verdict::Warning, ADDRESS, found, "use https: keys travel in every request");
        true
    }

    async fn slashes(&self, report: &mut Report) {
        let statuses = [self.status(self.get("health")).await, self.status(self.get("health/")).await];
        let found = statuses.clone().map(|status| status.unwrap_or_else(|why| why)).join(" and ");
        let well = statuses.iter().all(|status| status.as_deref() == Ok("200"));
        let cure = "let the proxy hand both on as they are: a redirect drops the key";
        report.unless(!well, Verdict::Bad, SLASHES, format!("/api/health and /api/health/ are answered {found}"), cure);
    }

    /// A header of the protocol arrives: a version that is none is refused.
    async fn headers(&self, report: &mut Report) {
        let found = self.status(self.get("hello").header("x-prefect-api-version", "none")).await;
        let well = found.as_deref() == Ok("400");
        let found = match well {
            true => "handed on".to_owned(),
            false => format!(
                "a request that must be refused for X-PREFECT-API-VERSION is answered {}",
                found.unwrap_or_else(|why| why)
            ),
        };
        report.unless(!well, Verdict::Bad, HEADERS, found, "let the proxy hand all headers on");
    }

    /// An upgrade passes, a ping is answered, and the connection outlives a silence.
    async fn sockets(&self, report: &mut Report) {
        let began = Instant::now();
        match self.ping().await {
            Ok(socket) => {
                report.good(SOCKETS, format!("opened, and a ping answered, in {} ms", began.elapsed().as_millis()));
                silence(report, socket).await;
            }
            Err(found) => {
                let cure = "let the proxy hand on Upgrade and Connection by HTTP/1.1 and leave the connection alone (nginx: \
                            proxy_http_version 1.1, proxy_set_header Upgrade $http_upgrade, Connection \"upgrade\")";
                report.bad(SOCKETS, found, cure);
                report.skipped(QUIET, "web sockets must pass first");
            }
        }
    }

    /// A socket on which a ping was answered, or what came instead.
    async fn ping(&self) -> Result<Socket, String> {
        let answer = self.upgrade(None).await?;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(format!("an upgrade is answered {}", answer.status()));
        }
        let upgraded = answer.upgrade().await.map_err(|error| causes(&error))?;
        let mut socket = WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await;
        let ponged = async {
            socket.send(Message::Ping("doctor".into())).await?;
            loop {
                match socket.next().await {
                    Some(Ok(Message::Pong(_))) => return Ok(()),
                    Some(Ok(Message::Close(_))) | None => return Err(SocketError::ConnectionClosed),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error),
                }
            }
        };
        match tokio::time::timeout(PATIENCE, ponged).await {
            Ok(Ok(())) => Ok(socket),
            Ok(Err(error)) => Err(format!("opened, then: {error}")),
            Err(_) => Err("opened, and a ping is not answered".to_owned()),
        }
    }

    /// A socket with a wrong key is refused as it is opened, if the key arrives.
    async fn authorization(&self, report: &mut Report) {
        let found = self.upgrade(Some("Bearer nobody")).await.map(|answer| answer.status().as_u16().to_string());
        let well = found.as_deref() == Ok("401");
        let found = match well {
            true => "handed on".to_owned(),
            false => format!("a wrong key is answered {} in place of 401", found.unwrap_or_else(|why| why)),
        };
        report.unless(
            !well,
            Verdict::Bad,
            KEYS,
            found,
            "let the proxy hand the header Authorization on, and add no other",
        );
    }

    async fn bodies(&self, report: &mut Report, limit: usize) {
        let found = self.status(self.get("health").timeout(PATIENCE * 3).body(vec![b' '; limit])).await;
        let cure = format!(
            "let the proxy take bodies of {limit} bytes (nginx: client_max_body_size {}m)",
            limit.div_ceil(1 << 20)
        );
        match found.as_deref() {
            Ok("200") => report.good(BODIES, format!("{limit} bytes pass")),
            Ok("413") => report.bad(BODIES, format!("{limit} bytes are too many"), cure),
            _ => report.warning(BODIES, format!("{limit} bytes: {}", found.unwrap_or_else(|why| why)), cure),
        }
    }

    /// Asks for a socket, with or without a key.
    async fn upgrade(&self, key: Option<&str>) -> Result<Response, String> {
        let mut request = self.client.get(format!("{}/{NOWHERE}/events/in", self.api));
        request = request.header(CONNECTION, "upgrade").header(UPGRADE, "websocket");
        request = request.header(SEC_WEBSOCKET_VERSION, "13").header(SEC_WEBSOCKET_KEY, generate_key());
        if let Some(key) = key {
            request = request.header(AUTHORIZATION, key);
        }
        request.send().await.map_err(|error| causes(&error))
    }

    async fn status(&self, request: RequestBuilder) -> Result<String, String> {
        let answer = request.send().await.map_err(|error| causes(&error))?;
        Ok(answer.status().as_u16().to_string())
    }
}

/// The server's own goodbye ends the silence; anything else ends it too early or comes from somebody else.
async fn silence(report: &mut Report, mut socket: Socket) {
    let began = Instant::now();
    let ended = tokio::time::timeout(UNTIL_THE_SERVER_CLOSES, socket.next()).await;
    let silence = began.elapsed().as_secs();
    match ended {
        Ok(Some(Ok(Message::Close(Some(frame))))) if frame.code == CloseCode::Policy => {
            report.good(QUIET, format!("kept for {silence} s, until the server closed it"));
        }
        Err(_) => report.good(QUIET, format!("kept for {silence} s")),
        Ok(_) => {
            let cure =
                "raise the proxy's time-outs for idle connections (nginx: proxy_read_timeout) to a minute or more";
            report.bad(QUIET, format!("cut after {silence} s of silence"), cure);
        }
    }
}

/// An error with its causes, in which the reason stands.
fn causes(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() { "no answer in time".to_owned() } else { "no answer".to_owned() };
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

//! Compresses answers for clients that accept it: br or gzip, above a size. Refuses nothing. A web socket has no body and is
//! left alone.
//!
//! BREACH, by which the length of a compressed answer betrays a secret in it, needs an attacker who can make the victim's
//! client ask, with the victim's credentials, for answers that hold both the secret and the attacker's guesses. Keys come in
//! a header that no foreign page can make a browser send, there are no cookies, and no browser is ever asked for a password
//! (401 says `Bearer`). So answers are compressed. Should cookies ever be taken, answers to them must not be.

use std::convert::Infallible;
use std::future::ready;

use http::header::ACCEPT_ENCODING;
use http::{HeaderMap, HeaderValue};
use http_body::Body;
use http_body_util::BodyExt;
use tower_http::CompressionLevel;
use tower_http::compression::Compression;
use tower_http::compression::predicate::Predicate;

use super::Request;
use super::layer::{Below, Step, down};
use crate::config::EdgeSettings;
use crate::kit::Response;

/// The smallest answer that is compressed, in bytes; `None`: none is.
#[derive(Clone)]
pub struct Compress(Option<u64>);

impl Compress {
    pub fn new(settings: &EdgeSettings) -> Self {
        Self(settings.compression.then_some(settings.compress_from))
    }
}

impl Step for Compress {
    async fn run(self, request: Request, below: impl Below) -> Response {
        let Some(from) = self.0 else { return down(below, request).await };
        let mut asked = http::Request::new(());
        asked.headers_mut().extend(acceptable(request.headers()).map(|value| (ACCEPT_ENCODING, value)));
        let answer = down(below, request).await;
        // The library wraps up every answer that passes it, and most are not worth it.
        match Worth(from).should_compress(&answer) {
            true => Box::pin(compress(answer, asked, Worth(from))).await,
            false => answer,
        }
    }
}

/// Compresses an answer, as far as `asked` allows.
async fn compress(mut answer: Response, asked: http::Request<()>, when: Worth) -> Response {
    // Asked once.
    let made = tower::service_fn(move |_| ready(Ok::<_, Infallible>(std::mem::take(&mut answer))));
    let compressed = Compression::new(made).compress_when(when).quality(CompressionLevel::Fastest);
    match tower::ServiceExt::oneshot(compressed, asked).await {
        Ok(answer) => answer.map(|body| body.map_err(std::io::Error::other).boxed_unsync()),
        Err(never) => match never {},
    }
}

/// What encodings the client takes, without its refusals of the answer as it is (`identity;q=0`, `*;q=0`): where it takes none
/// of ours, the library would put 406 over an answer of which the operation has had its effect already, and RFC 9110 (12.5.3)
/// leaves it to the server to give the plain one.
fn acceptable(headers: &HeaderMap) -> Option<HeaderValue> {
    let lists = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value: &HeaderValue| value.to_str().ok());
    let taken: Vec<&str> = lists.flat_map(|list| list.split(',')).filter(|item| !refuses_plain(item)).collect();
    if taken.is_empty() { None } else { HeaderValue::from_str(&taken.join(",")).ok() }
}

fn refuses_plain(item: &str) -> bool {
    let mut parts = item.split(';').map(str::trim);
    let coding = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix(['q', 'Q'])?.trim_start().strip_prefix('='));
    let is_nothing = weight.is_some_and(|weight| weight.trim().parse::<f32>().is_ok_and(|weight| weight <= 0.0));
    is_nothing && (coding == "*" || coding.eq_ignore_ascii_case("identity"))
}

/// An answer that is worth it: text that is long enough. Small ones are most of the traffic, and would cost both ends more
/// time than a network takes for a few packets.
#[derive(Clone, Copy)]
struct Worth(u64);

impl Predicate for Worth {
    fn should_compress<B: Body>(&self, answer: &http::Response<B>) -> bool {
        let kind = answer.headers().get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let text = kind.is_some_and(|kind| !kind.starts_with("image/"));
        let hint = answer.body().size_hint();
        // A stream has no size; it is not short.
        text && hint.exact().is_none_or(|size| size >= self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_the_plain_answer_are_left_out_and_nothing_else_is() {
        for (value, taken) in [
            ("gzip, deflate, br", Some("gzip, deflate, br")),
            ("gzip;q=0.5, *;q=0.1", Some("gzip;q=0.5, *;q=0.1")),
            ("identity;q=0", None),
            ("gzip;q=1.0, Identity; Q = 0.0", Some("gzip;q=1.0")),
            ("gzip, *; Q = 0.000", Some("gzip")),
            ("gzip;q=0, br", Some("gzip;q=0, br")),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, value.parse().unwrap());
            assert_eq!(acceptable(&headers).as_ref().map(|taken| taken.to_str().unwrap()), taken, "{value}");
        }
        assert_eq!(acceptable(&HeaderMap::new()), None);
    }
}

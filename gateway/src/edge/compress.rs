//! Compresses answers for clients that accept it: br or gzip, above a size. Refuses nothing. A web socket has no body and is
//! left alone.
//!
//! BREACH, by which the length of a compressed answer betrays a secret in it, needs an attacker who can make the victim's
//! client ask, with the victim's credentials, for answers that hold both the secret and the attacker's guesses. Keys come in
//! a header that no foreign page can make a browser send, there are no cookies, and no browser is ever asked for a password
//! (401 says `Bearer`). So answers are compressed. Should cookies ever be taken, answers to them must not be.

use std::convert::Infallible;
use std::future::ready;

use futures_util::FutureExt;
use http::HeaderValue;
use http::header::ACCEPT_ENCODING;
use http_body::Body;
use http_body_util::BodyExt;
use tower::ServiceExt;
use tower_http::CompressionLevel;
use tower_http::compression::Compression;
use tower_http::compression::predicate::Predicate;

use super::Request;
use super::layer::{Glance, Refusal};
use crate::config::EdgeSettings;
use crate::kit::Response;

/// The smallest answer that is compressed, in bytes.
#[derive(Clone)]
pub struct Compress(u64);

impl Compress {
    /// `None` where none is.
    pub fn new(settings: &EdgeSettings) -> Option<Self> {
        settings.compression.then_some(Self(settings.compress_from))
    }
}

impl Glance for Compress {
    /// What encodings the client takes, as it said it.
    type Kept = Vec<HeaderValue>;

    fn down(&self, request: &mut Request) -> Result<Self::Kept, Refusal> {
        Ok(request.headers().get_all(ACCEPT_ENCODING).iter().cloned().collect())
    }

    fn up(&self, said: Self::Kept, answer: Response) -> Response {
        // The library wraps up every answer that passes it, and most are not worth it.
        match Worth(self.0).should_compress(&answer) {
            true => compress(answer, acceptable(&said), Worth(self.0)),
            false => answer,
        }
    }
}

/// Compresses an answer, as far as the client takes it.
fn compress(mut answer: Response, accepted: Option<HeaderValue>, when: Worth) -> Response {
    let mut asked = http::Request::new(());
    asked.headers_mut().extend(accepted.map(|value| (ACCEPT_ENCODING, value)));
    // Asked once.
    let made = tower::service_fn(move |_| ready(Ok::<_, Infallible>(std::mem::take(&mut answer))));
    let compressed = Compression::new(made).compress_when(when).quality(CompressionLevel::Fastest);
    // What is asked has its answer at hand, so that nothing waits: the body is compressed as it is taken.
    match compressed.oneshot(asked).now_or_never().expect("an answer at hand") {
        Ok(answer) => answer.map(|body| body.map_err(std::io::Error::other).boxed_unsync()),
        Err(never) => match never {},
    }
}

/// What encodings the client takes, without its refusals of the answer as it is (`identity;q=0`, `*;q=0`): where it takes none
/// of ours, the library would put 406 over an answer of which the operation has had its effect already, and RFC 9110 (12.5.3)
/// leaves it to the server to give the plain one.
fn acceptable(said: &[HeaderValue]) -> Option<HeaderValue> {
    let lists = said.iter().filter_map(|value| value.to_str().ok());
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
            let said = [value.parse().unwrap()];
            assert_eq!(acceptable(&said).as_ref().map(|taken| taken.to_str().unwrap()), taken, "{value}");
        }
        assert_eq!(acceptable(&[]), None);
    }
}

//! Entity tags: a client that shows the tag of what it has is answered 304 when it still has the right thing (RFC 9110).
//!
//! Tags are weak: they stand for the content, whatever its encoding on the way.

use http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use sha2::{Digest, Sha256};
use wire::{Described, Schema, Schemas};

use super::answer::whole;
use super::{Answer, Call, Response, json_response};

/// `W/"…"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ETag(HeaderValue);

impl ETag {
    /// The tag of what these parts make up.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let mut text = String::with_capacity(36);
        text.push_str("W/\"");
        for byte in &hash.finalize()[..16] {
            text.extend(
                [char::from_digit(u32::from(byte >> 4), 16), char::from_digit(u32::from(byte & 15), 16)]
                    .into_iter()
                    .flatten(),
            );
        }
        text.push('"');
        Self(HeaderValue::try_from(text).expect("hexadecimal digits in quotes"))
    }

    /// The one that an answer carries.
    pub fn carried(response: &Response) -> Option<Self> {
        response.headers().get(ETAG).cloned().map(Self)
    }

    /// Whether the client says that it has this (`If-None-Match`, compared weakly).
    pub fn is_known(&self, headers: &HeaderMap) -> bool {
        let own = opaque(self.0.as_bytes());
        let mut said =
            headers.get_all(IF_NONE_MATCH).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        said.any(|tag| {
            let tag = tag.trim_ascii();
            tag == b"*" || opaque(tag) == own
        })
    }
}

impl From<ETag> for HeaderValue {
    fn from(tag: ETag) -> Self {
        tag.0
    }
}

fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// 304: nothing to send but the tag.
pub fn not_modified(tag: ETag) -> Response {
    let mut response = Response::new(whole(bytes::Bytes::new()));
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response.headers_mut().insert(ETAG, tag.into());
    response
}

/// 200 with JSON under a tag of its own; 304, before any JSON is made, for who has it.
pub enum Tagged<T> {
    Known(ETag),
    News(ETag, T),
}

impl Call {
    /// An answer of which `tag` tells when it changes.
    pub fn tagged<T>(&self, tag: ETag, value: T) -> Tagged<T> {
        if tag.is_known(&self.headers) { Tagged::Known(tag) } else { Tagged::News(tag, value) }
    }
}

impl<T: Serialize + Described> Answer for Tagged<T> {
    fn into_response(self) -> Response {
        match self {
            Tagged::Known(tag) => not_modified(tag),
            Tagged::News(tag, value) => {
                let mut response = json_response(StatusCode::OK, &value);
                response.headers_mut().insert(ETAG, tag.into());
                response
            }
        }
    }

    fn describe(schemas: &mut Schemas) -> Vec<(u16, Option<Schema>)> {
        vec![(200, Some(T::schema(schemas)))]
    }
}

/// Whether an answer is JSON of which a copy may be kept.
pub fn is_plain_json(response: &Response) -> bool {
    response.status() == StatusCode::OK
        && response.headers().get(CONTENT_TYPE).is_some_and(|value| value == "application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (IF_NONE_MATCH, HeaderValue::from_str(line).unwrap())).collect()
    }

    #[test]
    fn a_tag_is_known_in_every_spelling_of_a_list() {
        let tag = ETag::of(&[b"a", b"b"]);
        let text = tag.0.to_str().unwrap().to_owned();
        let strong = text.trim_start_matches("W/").to_owned();
        for lines in [&[&*text][..], &[&*strong], &["*"], &[&format!("\"x\" , {text}")], &["\"x\"", &text]] {
            assert!(tag.is_known(&said(lines)), "{lines:?}");
        }
        for lines in [&[][..], &["\"x\""], &["W/"], &[&text[..text.len() - 2]]] {
            assert!(!tag.is_known(&said(lines)), "{lines:?}");
        }
    }

    #[test]
    fn parts_are_told_apart() {
        assert_ne!(ETag::of(&[b"ab", b""]), ETag::of(&[b"a", b"b"]));
        assert_eq!(ETag::of(&[b"ab"]), ETag::of(&[b"ab"]));
    }
}

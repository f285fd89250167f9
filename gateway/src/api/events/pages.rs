//! The token of a page of events: everything that the next page needs, so that nothing is kept between two pages. Whoever
//! changes one asks something else, within the same workspace.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use domain::EventId;
use domain::events::filter::EventFilter;
use serde_json::{Value, json};
use tenant_store::events::{Page, Place};
use uuid::Uuid;
use wire::{Errors, Input, Time};

/// Events that a page has at most.
pub const MOST: i64 = 50;

pub struct Token {
    pub filter: EventFilter,
    pub limit: i64,
    pub total: i64,
    pub page: Page,
}

impl Token {
    pub fn written(&self) -> String {
        let Self { filter, limit, total, page } = self;
        let page = match page {
            Page::First => json!(null),
            Page::Behind(Place { occurred, id }) => json!([occurred.micros(), id]),
            Page::Skipping(offset) => json!(offset),
        };
        BASE64.encode(json!({ "filter": filter, "limit": limit, "total": total, "page": page }).to_string())
    }

    /// `None` for a text that this program did not write.
    pub fn read(text: &str) -> Option<Self> {
        let bytes = BASE64.decode(text.trim_end_matches('=')).ok()?;
        let token: Value = serde_json::from_slice(&bytes).ok()?;
        let filter = token["filter"].to_string();
        let mut errors = Errors::default();
        let filter = EventFilter::parse(&wire::json::parse(filter.as_bytes()).ok()?, &mut errors)?;
        let limit = token["limit"].as_i64().filter(|limit| (0..=MOST).contains(limit))?;
        let page = match &token["page"] {
            Value::Null => Page::First,
            Value::Array(place) => Page::Behind(Place {
                occurred: Time::from_micros(place.first()?.as_i64()?),
                id: EventId(Uuid::try_parse(place.get(1)?.as_str()?).ok()?),
            }),
            offset => Page::Skipping(offset.as_i64().filter(|offset| *offset >= 0)?),
        };
        Some(Self { filter, limit, total: token["total"].as_i64()?, page })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written() {
        let filter = EventFilter::default().resolved(Time::from_micros(7));
        let place = Place { occurred: Time::from_micros(5), id: EventId(Uuid::from_u128(9)) };
        for page in [Page::First, Page::Behind(place), Page::Skipping(50)] {
            let written = Token { filter: filter.clone(), limit: 50, total: 99, page }.written();
            let read = Token::read(&written).unwrap();
            assert_eq!((read.filter, read.limit, read.total, read.page), (filter.clone(), 50, 99, page));
        }
    }

    #[test]
    fn other_texts_are_none() {
        let token = |value: Value| BASE64.encode(value.to_string());
        for text in [
            String::new(),
            "§".into(),
            token(json!({})),
            token(json!({"filter": {"x": 1}, "limit": 1, "total": 1, "page": null})),
            token(json!({"filter": {}, "limit": 51, "total": 1, "page": null})),
            token(json!({"filter": {}, "limit": 1, "total": 1, "page": -1})),
            token(json!({"filter": {}, "limit": 1, "total": 1, "page": [1, "x"]})),
        ] {
            assert!(Token::read(&text).is_none(), "{text}");
        }
    }
}

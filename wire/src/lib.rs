//! The vocabulary of the protocol, knowing nothing of Prefect.
//!
//! A model is declared once, as a struct with `#[derive(Input)]` (what a client may send) or `#[derive(Output)]` (what it
//! is answered). From that one declaration come: parsing with the reference's leniency (`"5"` for 5, a Unix time for a
//! datetime), every error collected in field order, defaults, forbidden extras, three-state patches, and the schema in the
//! OpenAPI document.
//!
//! ```
//! use wire::{Errors, Input, Patch, json};
//!
//! #[derive(Debug, wire::Input)]
//! #[input(forbid_extra)]
//! struct FlowCreate {
//!     /// The name of the flow.
//!     #[input(pattern = "^[^/]+$")]
//!     name: String,
//!     #[input(default)]
//!     tags: Vec<String>,
//!     note: Patch<Option<String>>,
//! }
//!
//! let body = json::parse(br#"{"name": "a/b", "tags": [1], "x": 2}"#).unwrap();
//! let mut errors = Errors::of_body();
//! assert!(FlowCreate::parse(&body, &mut errors).is_none());
//! let kinds: Vec<_> = errors.items().iter().map(|e| e.kind).collect();
//! assert_eq!(kinds, ["string_pattern_mismatch", "string_type", "extra_forbidden"]);
//!
//! let body = json::parse(br#"{"name": "a", "note": null}"#).unwrap();
//! let flow = FlowCreate::parse(&body, &mut Errors::of_body()).unwrap();
//! assert!(flow.tags.is_empty() && flow.note == Patch::Set(None));
//! ```

// Derived code names this crate `::wire`, also here.
extern crate self as wire;

mod errors;
mod input;
pub mod json;
mod patch;
mod schema;
mod value;

pub use errors::{Errors, Item, Loc};
pub use input::{Fields, Input, Limit, Page, check};
pub use json::Json;
pub use patch::Patch;
pub use schema::{Described, Schema, Schemas};
pub use value::{PlainTime, RawJson, RawObject, Time, TimeSpan};
pub use wire_derive::{Input, Output};

/// What derived code needs in scope; not for hand-written code.
#[doc(hidden)]
pub mod __private {
    pub use regex::Regex;
    pub use serde_json::{Map, Value, json};

    /// A value whose JSON is wanted for a description, if it can be told: by the name of an enum's variant, by serde, or
    /// not at all. The method that fits best is found by how many references it takes off.
    pub struct Shown<'a, T>(pub &'a T);

    /// An enum that knows what its variants are called on the wire.
    pub trait Named {
        fn name(&self) -> &'static str;
    }

    pub trait ViaName {
        fn shown(&self) -> Option<Value>;
    }

    pub trait ViaSerialize {
        fn shown(&self) -> Option<Value>;
    }

    pub trait ViaNothing {
        fn shown(&self) -> Option<Value>;
    }

    impl<T: Named> ViaName for &&Shown<'_, T> {
        fn shown(&self) -> Option<Value> {
            Some(Value::from(self.0.name()))
        }
    }

    impl<T: serde::Serialize> ViaSerialize for &Shown<'_, T> {
        /// Plain values alone: that a list is empty, or an object as it is when new, goes without saying.
        fn shown(&self) -> Option<Value> {
            let value = serde_json::to_value(self.0).ok()?;
            (value.is_string() || value.is_number() || value.is_boolean()).then_some(value)
        }
    }

    impl<T> ViaNothing for Shown<'_, T> {
        fn shown(&self) -> Option<Value> {
            None
        }
    }

    /// The text that a constraint on strings looks at; an absent one satisfies every constraint.
    pub fn text(parsed: &impl Text) -> &str {
        parsed.as_text()
    }

    pub trait Text {
        fn as_text(&self) -> &str;
    }

    impl Text for String {
        fn as_text(&self) -> &str {
            self
        }
    }
}

//! JSON schemas for the OpenAPI document, made from the same declarations that parse and serialise.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

/// A JSON schema (draft 2020-12, as OpenAPI 3.1 uses it).
pub type Schema = Value;

/// The named schemas met so far (`#/components/schemas`).
#[derive(Debug, Default)]
pub struct Schemas {
    named: BTreeMap<&'static str, Schema>,
}

impl Schemas {
    /// A reference to the schema called `name`, made by `make` when it is met for the first time.
    pub fn named(&mut self, name: &'static str, make: impl FnOnce(&mut Self) -> Schema) -> Schema {
        if !self.named.contains_key(name) {
            // Entered before it is made, so that a recursive model ends.
            self.named.insert(name, Value::Null);
            let schema = make(self);
            self.named.insert(name, schema);
        }
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    pub fn into_named(self) -> BTreeMap<&'static str, Schema> {
        self.named
    }
}

/// A type that can say what its JSON looks like.
pub trait Described {
    fn schema(schemas: &mut Schemas) -> Schema;
}

macro_rules! described {
    ($($type:ty => $schema:tt),+ $(,)?) => {$(
        impl Described for $type {
            fn schema(_: &mut Schemas) -> Schema { json!($schema) }
        }
    )+};
}

described! {
    bool => {"type": "boolean"},
    i16 => {"type": "integer"},
    i32 => {"type": "integer"},
    i64 => {"type": "integer"},
    u64 => {"type": "integer"},
    f64 => {"type": "number"},
    String => {"type": "string"},
    &'static str => {"type": "string"},
    uuid::Uuid => {"type": "string", "format": "uuid"},
    crate::Time => {"type": "string", "format": "date-time"},
    crate::RawJson => {},
    crate::RawObject => {"type": "object", "additionalProperties": true},
    Value => {},
    () => {"type": "null"},
}

impl<T: Described> Described for Option<T> {
    fn schema(schemas: &mut Schemas) -> Schema {
        json!({ "anyOf": [T::schema(schemas), { "type": "null" }] })
    }
}

impl<A: Described, B: Described> Described for (A, B) {
    fn schema(schemas: &mut Schemas) -> Schema {
        json!({ "type": "array", "prefixItems": [A::schema(schemas), B::schema(schemas)], "minItems": 2, "maxItems": 2 })
    }
}

impl<T: Described> Described for Vec<T> {
    fn schema(schemas: &mut Schemas) -> Schema {
        json!({ "type": "array", "items": T::schema(schemas) })
    }
}

impl<T: Described> Described for Box<T> {
    fn schema(schemas: &mut Schemas) -> Schema {
        T::schema(schemas)
    }
}

impl<T: Described> Described for HashMap<String, T> {
    fn schema(schemas: &mut Schemas) -> Schema {
        json!({ "type": "object", "additionalProperties": T::schema(schemas) })
    }
}

impl<T: Described> Described for BTreeMap<String, T> {
    fn schema(schemas: &mut Schemas) -> Schema {
        json!({ "type": "object", "additionalProperties": T::schema(schemas) })
    }
}

impl Schemas {
    /// The schema itself where `schema` is a reference to a named one.
    pub fn resolve(&self, schema: &Schema) -> Schema {
        let name = schema["$ref"].as_str().and_then(|r| r.rsplit('/').next());
        name.and_then(|name| self.named.get(name)).unwrap_or(schema).clone()
    }
}

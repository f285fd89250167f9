//! Opaque JSON: carried as text from the request to a `jsonb` column and from there to the answer, never taken apart.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// One JSON value as its text.
#[derive(Clone)]
pub struct RawJson(Box<RawValue>);

impl RawJson {
    /// From text that is already known to be JSON (a column's, or [`crate::json::to_text`]'s); `None` if it is not.
    pub fn from_text(text: String) -> Option<Self> {
        RawValue::from_string(text).ok().map(Self)
    }

    /// The JSON of any value that can be serialised.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Self {
        Self(serde_json::value::to_raw_value(value).expect("plain data serialises"))
    }

    pub fn text(&self) -> &str {
        self.0.get()
    }

    pub fn is_null(&self) -> bool {
        self.text() == "null"
    }

    /// The same value taken apart, where a rule must look inside.
    pub fn to_value(&self) -> serde_json::Value {
        serde_json::from_str(self.text()).unwrap_or(serde_json::Value::Null)
    }
}

impl std::fmt::Debug for RawJson {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text())
    }
}

impl PartialEq for RawJson {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text() || self.to_value() == other.to_value()
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(s)
    }
}

/// Opaque JSON that is known to be an object.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
#[cfg_attr(feature = "sql", derive(postgres_types::ToSql, postgres_types::FromSql), postgres(transparent))]
pub struct RawObject(pub RawJson);

impl RawObject {
    pub fn is_empty(&self) -> bool {
        self.0.text().trim_matches(['{', '}']).trim().is_empty()
    }
}

impl Default for RawObject {
    /// The empty object.
    fn default() -> Self {
        Self(RawJson::of(&serde_json::Map::new()))
    }
}

#[cfg(feature = "sql")]
mod sql {
    use super::RawJson;
    use bytes::{BufMut, BytesMut};
    use postgres_types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};
    use std::error::Error;

    /// The version byte in front of binary `jsonb`.
    const JSONB_VERSION: u8 = 1;

    impl ToSql for RawJson {
        fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
            if *ty == Type::JSONB {
                out.put_u8(JSONB_VERSION);
            }
            out.put_slice(self.text().as_bytes());
            Ok(IsNull::No)
        }
        accepts!(JSON, JSONB);
        to_sql_checked!();
    }

    impl<'a> FromSql<'a> for RawJson {
        fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
            let text = match (ty, raw.split_first()) {
                (&Type::JSONB, Some((&JSONB_VERSION, text))) => text,
                (&Type::JSONB, _) => return Err("unknown jsonb version".into()),
                _ => raw,
            };
            let text = std::str::from_utf8(text)?.to_owned();
            RawJson::from_text(text).ok_or_else(|| "column is not JSON".into())
        }
        accepts!(JSON, JSONB);
    }
}

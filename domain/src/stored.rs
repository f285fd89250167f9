//! JSON that this program wrote itself, on its way from a column to an answer: its shape is known, its text is not taken
//! apart unless a rule asks.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use wire::{Described, RawJson, Schema, Schemas};

/// The JSON text of a `T`.
pub struct Stored<T>(pub RawJson, PhantomData<fn() -> T>);

impl<T> Stored<T> {
    /// Text that is known to be a `T`'s.
    pub fn new(raw: RawJson) -> Self {
        Self(raw, PhantomData)
    }

    pub fn of(value: &T) -> Self
    where
        T: Serialize,
    {
        Self::new(RawJson::of(value))
    }

    pub fn parse(&self) -> Result<T, serde_json::Error>
    where
        T: DeserializeOwned,
    {
        serde_json::from_str(self.0.text())
    }
}

impl<T> Clone for Stored<T> {
    fn clone(&self) -> Self {
        Self::new(self.0.clone())
    }
}

impl<T> PartialEq for Stored<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> std::fmt::Debug for Stored<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl<T> Serialize for Stored<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(s)
    }
}

impl<T: Described> Described for Stored<T> {
    fn schema(schemas: &mut Schemas) -> Schema {
        T::schema(schemas)
    }
}

#[cfg(feature = "sql")]
mod sql {
    use super::Stored;
    use bytes::BytesMut;
    use postgres_types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
    use std::error::Error;
    use wire::RawJson;

    impl<T> ToSql for Stored<T> {
        fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
            self.0.to_sql(ty, out)
        }
        fn accepts(ty: &Type) -> bool {
            <RawJson as ToSql>::accepts(ty)
        }
        to_sql_checked!();
    }

    impl<'a, T> FromSql<'a> for Stored<T> {
        fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
            RawJson::from_sql(ty, raw).map(Self::new)
        }
        fn accepts(ty: &Type) -> bool {
            <RawJson as FromSql>::accepts(ty)
        }
    }
}

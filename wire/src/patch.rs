//! The three cases of a field in a PATCH: absent, null, a value.

use crate::{Described, Errors, Input, Json, Schema, Schemas};

/// `Absent` leaves the column alone. Null is a value only where `T` is an `Option`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Patch<T> {
    #[default]
    Absent,
    Set(T),
}

impl<T> Patch<T> {
    pub fn is_set(&self) -> bool {
        matches!(self, Patch::Set(_))
    }

    /// The new value, if one was sent.
    pub fn value(&self) -> Option<&T> {
        match self {
            Patch::Absent => None,
            Patch::Set(value) => Some(value),
        }
    }
}

impl<T: Input> Input for Patch<T> {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        T::parse(value, errors).map(Patch::Set)
    }

    fn absent() -> Option<Self> {
        Some(Patch::Absent)
    }
}

impl<T: Described> Described for Patch<T> {
    fn schema(schemas: &mut Schemas) -> Schema {
        T::schema(schemas)
    }
}

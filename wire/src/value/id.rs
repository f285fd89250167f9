//! `id!` makes a newtype over a UUID for each kind of object, so that a flow's id cannot be handed where a run's is meant.

/// Declares one or more id types: `id! { /// A flow. FlowId, /// A flow run. FlowRunId }`.
///
/// Each is `Copy`, ordered, shown and serialised as a hyphenated lower-case UUID, parsed with the reference's messages,
/// and, with the feature `sql` of the declaring crate, a `uuid` column.
#[macro_export]
macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize)]
        #[cfg_attr(feature = "sql", derive(::postgres_types::ToSql, ::postgres_types::FromSql), postgres(transparent))]
        #[serde(transparent)]
        pub struct $name(pub ::uuid::Uuid);

        impl $name {
            /// A new id, ordered by the given time (UUID version 7, RFC 9562).
            pub fn new(now: $crate::Time) -> Self {
                let micros = now.micros().max(0) as u64;
                let at = ::uuid::Timestamp::from_unix(::uuid::NoContext, micros / 1_000_000, (micros % 1_000_000) as u32 * 1000);
                Self(::uuid::Uuid::new_v7(at))
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result { ::std::fmt::Display::fmt(&self.0, f) }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result { ::std::fmt::Display::fmt(&self.0, f) }
        }

        impl $crate::Input for $name {
            fn parse(value: &$crate::Json<'_>, errors: &mut $crate::Errors) -> Option<Self> {
                <::uuid::Uuid as $crate::Input>::parse(value, errors).map(Self)
            }
        }

        impl $crate::Described for $name {
            fn schema(schemas: &mut $crate::Schemas) -> $crate::Schema { <::uuid::Uuid as $crate::Described>::schema(schemas) }
        }
    )+};
}

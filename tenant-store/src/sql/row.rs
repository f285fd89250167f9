//! `row!`: a type and its columns, named once.

/// `row! { Flow: id "f.id", created "f.created" }` gives `Flow::COLUMNS` (the select list) and reads a row by position.
/// A field without text is the column of that name.
#[macro_export]
macro_rules! row {
    ($type:ty: $first:ident $first_sql:literal $(, $field:ident $sql:literal)* $(,)?) => {
        impl $crate::sql::Columns for $type {
            const COLUMNS: &'static str = concat!($first_sql $(, ", ", $sql)*);
        }
        impl $crate::pool::FromRow for $type {
            fn from_row(row: &::tokio_postgres::Row) -> Result<Self, ::tokio_postgres::Error> {
                let mut at = 0..;
                // An endless range.
                let mut next = move || at.next().unwrap_or(usize::MAX);
                Ok(Self { $first: row.try_get(next())? $(, $field: row.try_get(next())?)* })
            }
        }
    };
}

macro_rules! tuples {
    ($(($($name:ident $at:tt),+)),+ $(,)?) => {$(
        impl<$($name: for<'r> ::tokio_postgres::types::FromSql<'r>),+> $crate::pool::FromRow for ($($name,)+) {
            fn from_row(row: &::tokio_postgres::Row) -> Result<Self, ::tokio_postgres::Error> {
                Ok(($(row.try_get($at)?,)+))
            }
        }
    )+};
}

tuples! {
    (A 0),
    (A 0, B 1),
    (A 0, B 1, C 2),
    (A 0, B 1, C 2, D 3),
    (A 0, B 1, C 2, D 3, E 4),
    (A 0, B 1, C 2, D 3, E 4, F 5),
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6),
}

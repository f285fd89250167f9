//! Filters: what a client may ask, declared once with the SQL it means.
//!
//! `filter!` makes the type (parsed with collected errors, described in OpenAPI) and its [`Condition`]; `sort!` makes the
//! enum of orders. A criterion is `name: Type => "template with {}"`, or for a yes/no criterion two texts
//! `name: bool => "when true" | "when false"`, or `name: nested Filter` (`ignored` where it is read and asks nothing). A criterion
//! written `name?:` asks nothing when its list or text is empty (the reference tests some for truth, others for null). With `operator` the client may choose between all
//! (`and_`) and any (`or_`) of the criteria.
//!
//! ```
//! use tenant_store::{filter, sort, sql::{Condition, Sql}};
//! use uuid::Uuid;
//!
//! filter! {
//!     /// By id.
//!     ThingFilterId { any_: Vec<Uuid> => "x.id = any({})" }
//! }
//! filter! {
//!     /// Things.
//!     ThingFilter operator { id: nested ThingFilterId, done: bool => "x.done" | "not x.done" }
//! }
//! sort! { ThingSort default NameAsc { NameAsc => "x.name", NameDesc => "x.name desc" } }
//!
//! let body = wire::json::parse(br#"{"operator": "or_", "id": {"any_": []}, "done": false}"#).unwrap();
//! let filter = <ThingFilter as wire::Input>::parse(&body, &mut wire::Errors::of_body()).unwrap();
//! let mut sql = Sql::new("select x.name from thing x where true");
//! sql.and(Some(&filter)).page(ThingSort::default().sql(), 10, 0);
//! assert_eq!(sql.text(), "select x.name from thing x where true and ((x.id = any($1)) or not x.done) order by x.name limit $2 offset $3");
//! ```

use tokio_postgres::types::ToSql;
use uuid::Uuid;
use wire::Time;

use super::Sql;

/// Something that becomes a boolean SQL expression.
pub trait Condition {
    /// Writes the expression; `true` when nothing is asked.
    fn write<'a>(&'a self, sql: &mut Sql<'a>);
}

/// How the criteria of a filter are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, wire::Input)]
pub enum Operator {
    #[default]
    #[input(rename = "and_")]
    And,
    #[input(rename = "or_")]
    Or,
}

impl Operator {
    /// Joins two criteria, those that are there; `true` when neither is.
    pub fn join<'a>(self, sql: &mut Sql<'a>, first: Option<&'a impl Condition>, second: Option<&'a impl Condition>) {
        if let Some(first) = first {
            sql.push("(");
            first.write(sql);
            sql.push(")");
        }
        match (first.is_some(), second.is_some(), self) {
            (true, true, Operator::And) => sql.push(" and "),
            (true, true, Operator::Or) => sql.push(" or "),
            (false, false, _) => sql.push("true"),
            _ => sql,
        };
        if let Some(second) = second {
            sql.push("(");
            second.write(sql);
            sql.push(")");
        }
    }
}

/// A value of a criterion, written into its template.
pub trait Write {
    fn write<'a>(&'a self, sql: &mut Sql<'a>, template: &'static str);
}

macro_rules! bound {
    ($($type:ty),+) => {$(
        impl Write for $type {
            fn write<'a>(&'a self, sql: &mut Sql<'a>, template: &'static str) {
                sql.template(template, self);
            }
        }
    )+};
}
bound!(Uuid, Time, String, i64, f64);

/// A list of one is written `=`, not `= any`: only so can an index that begins with the column give the order too.
impl<T> Write for Vec<T>
where
    T: ToSql + Sync + Send,
    Vec<T>: ToSql,
{
    fn write<'a>(&'a self, sql: &mut Sql<'a>, template: &'static str) {
        match (self.as_slice(), template.strip_suffix("= any({})")) {
            ([only], Some(column)) => sql.push(column).push("= ").bind(only),
            _ => sql.template(template, self),
        };
    }
}

/// Whether a criterion written `name?:` asks anything.
pub trait Asks {
    fn asks(&self) -> bool;
}

impl<T> Asks for Vec<T> {
    fn asks(&self) -> bool {
        !self.is_empty()
    }
}

impl Asks for String {
    fn asks(&self) -> bool {
        !self.is_empty()
    }
}

impl Asks for Like {
    fn asks(&self) -> bool {
        !self.0.is_empty()
    }
}

/// Text to be found anywhere, whatever its case. `%`, `_` and `\` of the client are wildcards as in the reference.
#[derive(Debug, Clone, PartialEq)]
pub struct Like(pub String);

impl wire::Input for Like {
    fn parse(value: &wire::Json<'_>, errors: &mut wire::Errors) -> Option<Self> {
        String::parse(value, errors).map(Like)
    }
}

impl wire::Described for Like {
    fn schema(schemas: &mut wire::Schemas) -> wire::Schema {
        String::schema(schemas)
    }
}

impl Write for Like {
    fn write<'a>(&'a self, sql: &mut Sql<'a>, template: &'static str) {
        sql.template(template, format!("%{}%", self.0));
    }
}

/// See the module.
#[macro_export]
macro_rules! filter {
    ($(#[$doc:meta])* $name:ident operator { $($criteria:tt)* }) => {
        $crate::filter!(@declare [$(#[$doc])*] $name [
            /// Whether all of the criteria must hold (`and_`) or any (`or_`).
            #[input(default)]
            pub operator: $crate::sql::Operator,
        ] [] $($criteria)*);
        impl $crate::sql::Condition for $name {
            fn write<'a>(&'a self, sql: &mut $crate::sql::Sql<'a>) {
                let between = match self.operator { $crate::sql::Operator::And => " and ", $crate::sql::Operator::Or => " or " };
                $crate::filter!(@write self sql between; $($criteria)*);
            }
        }
    };
    ($(#[$doc:meta])* $name:ident { $($criteria:tt)* }) => {
        $crate::filter!(@declare [$(#[$doc])*] $name [] [] $($criteria)*);
        impl $crate::sql::Condition for $name {
            fn write<'a>(&'a self, sql: &mut $crate::sql::Sql<'a>) {
                $crate::filter!(@write self sql " and "; $($criteria)*);
            }
        }
    };

    (@declare [$($doc:tt)*] $name:ident [$($operator:tt)*] [$($done:tt)*]) => {
        $($doc)*
        #[derive(Debug, Clone, PartialEq, ::wire::Input)]
        #[input(forbid_extra)]
        pub struct $name { $($operator)* $($done)* }
    };
    (@declare $doc:tt $name:ident $operator:tt [$($done:tt)*] $(#[$meta:meta])* $field:ident: nested $type:ty $(, $($rest:tt)*)?) => {
        $crate::filter!(@declare $doc $name $operator [$($done)* $(#[$meta])* pub $field: Option<$type>,] $($($rest)*)?);
    };
    (@declare $doc:tt $name:ident $operator:tt [$($done:tt)*] $(#[$meta:meta])* $field:ident: ignored $type:ty $(, $($rest:tt)*)?) => {
        $crate::filter!(@declare $doc $name $operator [$($done)* $(#[$meta])* pub $field: Option<$type>,] $($($rest)*)?);
    };
    (@declare $doc:tt $name:ident $operator:tt [$($done:tt)*] $(#[$meta:meta])* $field:ident?: $type:ty => $yes:literal $(, $($rest:tt)*)?) => {
        $crate::filter!(@declare $doc $name $operator [$($done)* $(#[$meta])* pub $field: Option<$type>,] $($($rest)*)?);
    };
    (@declare $doc:tt $name:ident $operator:tt [$($done:tt)*] $(#[$meta:meta])* $field:ident: $type:ty => $yes:literal $(| $no:literal)? $(, $($rest:tt)*)?) => {
        $crate::filter!(@declare $doc $name $operator [$($done)* $(#[$meta])* pub $field: Option<$type>,] $($($rest)*)?);
    };

    (@write $self:ident $sql:ident $between:expr; $($criteria:tt)*) => {
        // Read only where more than one criterion follows.
        let mut first = true;
        let mut between = |sql: &mut $crate::sql::Sql<'a>| {
            if !std::mem::take(&mut first) { sql.push($between); }
        };
        $crate::filter!(@each $self $sql between; $($criteria)*);
        if first { $sql.push("true"); }
    };
    (@each $self:ident $sql:ident $between:ident;) => {};
    (@each $self:ident $sql:ident $between:ident; $(#[$meta:meta])* $field:ident: ignored $type:ty $(, $($rest:tt)*)?) => {
        $crate::filter!(@each $self $sql $between; $($($rest)*)?);
    };
    (@each $self:ident $sql:ident $between:ident; $(#[$meta:meta])* $field:ident: nested $type:ty $(, $($rest:tt)*)?) => {
        if let Some(nested) = &$self.$field {
            $between($sql);
            $sql.push("(");
            $crate::sql::Condition::write(nested, $sql);
            $sql.push(")");
        }
        $crate::filter!(@each $self $sql $between; $($($rest)*)?);
    };
    (@each $self:ident $sql:ident $between:ident; $(#[$meta:meta])* $field:ident: $type:ty => $yes:literal | $no:literal $(, $($rest:tt)*)?) => {
        if let Some(yes) = $self.$field {
            $between($sql);
            $sql.push(if yes { $yes } else { $no });
        }
        $crate::filter!(@each $self $sql $between; $($($rest)*)?);
    };
    (@each $self:ident $sql:ident $between:ident; $(#[$meta:meta])* $field:ident?: $type:ty => $template:literal $(, $($rest:tt)*)?) => {
        if let Some(value) = $self.$field.as_ref().filter(|value| $crate::sql::Asks::asks(*value)) {
            $between($sql);
            $crate::sql::Write::write(value, $sql, $template);
        }
        $crate::filter!(@each $self $sql $between; $($($rest)*)?);
    };
    (@each $self:ident $sql:ident $between:ident; $(#[$meta:meta])* $field:ident: $type:ty => $template:literal $(, $($rest:tt)*)?) => {
        if let Some(value) = &$self.$field {
            $between($sql);
            $crate::sql::Write::write(value, $sql, $template);
        }
        $crate::filter!(@each $self $sql $between; $($($rest)*)?);
    };
}

/// See the module.
#[macro_export]
macro_rules! sort {
    ($(#[$doc:meta])* $name:ident default $default:ident { $($variant:ident => $sql:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, ::wire::Input)]
        pub enum $name { $($variant),+ }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub fn sql(self) -> &'static str {
                match self { $(Self::$variant => $sql),+ }
            }
        }

        impl Default for $name {
            fn default() -> Self { Self::$default }
        }
    };
}

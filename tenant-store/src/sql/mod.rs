//! How SQL is put together where its shape depends on the request: static fragments and numbered parameters, nothing else.
//! A request's data can enter a statement as a bound parameter only, because [`Sql`] takes no other text than literals.

mod filter;
mod order;
mod row;
pub(crate) mod writes;

pub use filter::{Asks, Condition, Like, Operator, Write};
pub use order::{Order, Part};

use tokio_postgres::types::ToSql;

use crate::pool::Param;

/// A type whose select list is declared with its row (`row!`).
pub trait Columns {
    const COLUMNS: &'static str;
}

/// A statement under construction. `{}` in a template stands for the bound value.
#[derive(Default)]
pub struct Sql<'a> {
    text: String,
    params: Vec<Box<dyn ToSql + Sync + Send + 'a>>,
}

impl<'a> Sql<'a> {
    pub fn new(text: &'static str) -> Self {
        Self { text: text.to_owned(), params: Vec::new() }
    }

    pub fn push(&mut self, text: &'static str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Binds `value` and writes its number.
    pub fn bind(&mut self, value: impl ToSql + Sync + Send + 'a) -> &mut Self {
        self.params.push(Box::new(value));
        self.text.push('$');
        self.text.push_str(&self.params.len().to_string());
        self
    }

    /// Writes `template`, each `{}` of it as the same bound `value`.
    pub fn template(&mut self, template: &'static str, value: impl ToSql + Sync + Send + 'a) -> &mut Self {
        self.params.push(Box::new(value));
        let number = self.params.len();
        let mut parts = template.split("{}");
        self.text.push_str(parts.next().unwrap_or_default());
        for part in parts {
            self.text.push('$');
            self.text.push_str(&number.to_string());
            self.text.push_str(part);
        }
        self
    }

    /// `<text> exists (<from> and <condition>)` when the filter is there; `from` ends in its own `where`.
    pub fn and_exists<C: Condition>(&mut self, from: &'static str, filter: Option<&'a C>) -> &mut Self {
        if let Some(filter) = filter {
            self.push(" and exists (").push(from).and(Some(filter)).push(")");
        }
        self
    }

    /// ` and (<condition>)` when the filter is there.
    pub fn and<C: Condition>(&mut self, filter: Option<&'a C>) -> &mut Self {
        if let Some(filter) = filter {
            self.push(" and (");
            filter.write(self);
            self.push(")");
        }
        self
    }

    /// ` order by … limit … offset …`.
    pub fn page(&mut self, order: &'static str, limit: i64, offset: i64) -> &mut Self {
        self.push(" order by ").push(order);
        self.push(" limit ").bind(limit);
        self.push(" offset ").bind(offset)
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn params(&self) -> Vec<Param<'_>> {
        self.params.iter().map(|p| p.as_ref() as Param<'_>).collect()
    }
}

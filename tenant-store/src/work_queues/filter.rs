//! What may be asked of work queues (reference: `server/schemas/filters.py`, `WorkQueueFilter…`). The queue is `q`.

use uuid::Uuid;
use wire::{Described, Errors, Input, Json, Schema, Schemas};

use crate::filter;
use crate::sql::{Asks, Sql, Write};

/// Beginnings of names, whatever their case. `%`, `_` and `\` of the client are wildcards, as in the reference.
#[derive(Debug, Clone, PartialEq)]
pub struct Prefixes(pub Vec<String>);

impl Input for Prefixes {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        Vec::parse(value, errors).map(Prefixes)
    }
}

impl Described for Prefixes {
    fn schema(schemas: &mut Schemas) -> Schema {
        Vec::<String>::schema(schemas)
    }
}

impl Asks for Prefixes {
    fn asks(&self) -> bool {
        !self.0.is_empty()
    }
}

impl Write for Prefixes {
    fn write<'a>(&'a self, sql: &mut Sql<'a>, template: &'static str) {
        let patterns: Vec<String> = self.0.iter().map(|prefix| format!("{prefix}%")).collect();
        sql.template(template, patterns);
    }
}

filter! {
    /// Work queues by id.
    WorkQueueFilterId {
        /// Work queues with one of these ids
        any_: Vec<Uuid> => "q.id = any({})",
    }
}

filter! {
    /// Work queues by name.
    WorkQueueFilterName {
        /// Work queues with one of these names
        any_: Vec<String> => "q.name = any({})",
        /// Work queues whose name begins with one of these texts, whatever its case
        startswith_?: Prefixes => "q.name ilike any({})",
    }
}

filter! {
    /// Work queues that meet all criteria, or any under `or_`.
    WorkQueueFilter operator {
        id: nested WorkQueueFilterId,
        name: nested WorkQueueFilterName,
    }
}

//! The SQL of what may be asked of events (`domain::events::filter`). The event is `e`.

use domain::events::filter::{
    EventAnyResourceFilter, EventFilter, EventNameFilter, EventRelatedFilter, EventResourceFilter, EventTextFilter,
    Glob, Labelled, RoleOf,
};

use crate::sql::{Condition, Sql, Write};

/// Everything that an event says, for searches through its text. Such a search reads every event of its time.
const TEXT: &str =
    "strpos(lower(e.event || ' ' || e.resource::text || ' ' || e.related::text || ' ' || e.payload::text), {}) > 0";

impl Condition for EventFilter {
    fn write<'a>(&'a self, sql: &mut Sql<'a>) {
        let Self { occurred, event, resource, related, any_resource, id, text, order: _ } = self;
        sql.push("true");
        if let Some(since) = &occurred.since {
            sql.push(" and e.occurred >= ").bind(since);
        }
        if let Some(until) = &occurred.until {
            sql.push(" and e.occurred <= ").bind(until);
        }
        if let Some(event) = event {
            of_name(event, sql);
        }
        if let Some(resource) = resource {
            of_resource(resource, sql);
        }
        related.iter().flat_map(|all| &all.0).for_each(|filter| of_related(filter, sql));
        any_resource.iter().flat_map(|all| &all.0).for_each(|filter| of_any(filter, sql));
        if let Some(ids) = id.id.as_ref().filter(|ids| !ids.is_empty()) {
            sql.push(" and ");
            ids.write(sql, "e.id = any({})");
        }
        if let Some(text) = text {
            of_text(text, sql);
        }
    }
}

/// A list that asks something.
fn asks<T>(list: &Option<Vec<T>>) -> Option<&Vec<T>> {
    list.as_ref().filter(|list| !list.is_empty())
}

/// ` and (a or b …)`.
fn and_any<'a, T>(sql: &mut Sql<'a>, list: &'a [T], mut write: impl FnMut(&mut Sql<'a>, &'a T)) {
    sql.push(" and (");
    any(sql, list, &mut write);
    sql.push(")");
}

fn any<'a, T>(sql: &mut Sql<'a>, list: &'a [T], write: &mut impl FnMut(&mut Sql<'a>, &'a T)) {
    for (at, one) in list.iter().enumerate() {
        if at > 0 {
            sql.push(" or ");
        }
        write(sql, one);
    }
}

fn of_name<'a>(filter: &'a EventNameFilter, sql: &mut Sql<'a>) {
    let EventNameFilter { prefix, exclude_prefix, name, exclude_name } = filter;
    if let Some(prefixes) = asks(prefix) {
        and_any(sql, prefixes, |sql, prefix| {
            sql.template("e.event ^@ {}", prefix);
        });
    }
    for prefix in exclude_prefix.iter().flatten() {
        sql.template(" and not e.event ^@ {}", prefix);
    }
    if let Some(names) = asks(name) {
        sql.push(" and ");
        names.write(sql, "e.event = any({})");
    }
    if let Some(names) = asks(exclude_name) {
        sql.template(" and e.event <> all({})", names);
    }
}

fn of_resource<'a>(filter: &'a EventResourceFilter, sql: &mut Sql<'a>) {
    let EventResourceFilter { id, id_prefix, labels, distinct: _ } = filter;
    if let Some(ids) = asks(id) {
        sql.push(" and ");
        ids.write(sql, "e.resource_id = any({})");
    }
    if let Some(prefixes) = asks(id_prefix) {
        and_any(sql, prefixes, |sql, prefix| {
            sql.template("e.resource_id ^@ {}", prefix);
        });
    }
    if let Some(labels) = labels {
        of_labels(labels, "e.resource", sql);
    }
}

/// The criteria hold of one related resource, `r.v`; ids alone are looked up in their index.
fn of_related<'a>(filter: &'a EventRelatedFilter, sql: &mut Sql<'a>) {
    let EventRelatedFilter { id, role, resources_in_roles, labels } = filter;
    if let Some(ids) = asks(id) {
        sql.template(" and e.related_ids && {}", ids);
    }
    let more = asks(role).is_some() || asks(resources_in_roles).is_some() || labels.is_some();
    if !more || !filter.asks() {
        return;
    }
    sql.push(" and exists (select from json_array_elements(e.related) r(v) where true");
    if let Some(ids) = asks(id) {
        sql.template(" and r.v ->> 'prefect.resource.id' = any({})", ids);
    }
    if let Some(roles) = asks(role) {
        sql.template(" and r.v ->> 'prefect.resource.role' = any({})", roles);
    }
    if let Some(pairs) = asks(resources_in_roles) {
        and_any(sql, pairs, |sql, RoleOf(id, role)| {
            sql.template("(r.v ->> 'prefect.resource.id' = {}", id);
            sql.template(" and r.v ->> 'prefect.resource.role' = {})", role);
        });
    }
    if let Some(labels) = labels {
        of_labels(labels, "r.v", sql);
    }
    sql.push(")");
}

/// The criteria hold of the resource itself or of one related to it.
fn of_any<'a>(filter: &'a EventAnyResourceFilter, sql: &mut Sql<'a>) {
    let EventAnyResourceFilter { id, id_prefix, labels } = filter;
    if let Some(ids) = asks(id) {
        sql.push(" and (");
        ids.write(sql, "e.resource_id = any({})");
        sql.template(" or e.related_ids && {})", ids);
    }
    let more = asks(id_prefix).is_some() || labels.is_some();
    if !more || !filter.asks() {
        return;
    }
    sql.push(" and exists (select from (select e.resource as v union all select json_array_elements(e.related)) r where true");
    if let Some(ids) = asks(id) {
        sql.template(" and r.v ->> 'prefect.resource.id' = any({})", ids);
    }
    if let Some(prefixes) = asks(id_prefix) {
        and_any(sql, prefixes, |sql, prefix| {
            sql.template("r.v ->> 'prefect.resource.id' ^@ {}", prefix);
        });
    }
    if let Some(labels) = labels {
        of_labels(labels, "r.v", sql);
    }
    sql.push(")");
}

/// Each label of the resource has a value that matches one of its patterns; without a pattern nothing matches.
fn of_labels<'a>(labels: &'a Labelled, resource: &'static str, sql: &mut Sql<'a>) {
    for (label, globs) in &labels.0 {
        if globs.is_empty() {
            sql.push(" and false");
            continue;
        }
        and_any(sql, globs, |sql, glob| {
            let (negated, pattern) = like(glob);
            sql.push(resource).push(" ->> ").bind(label.as_str()).push(if negated { " not like " } else { " like " });
            sql.bind(pattern);
        });
    }
}

/// A pattern as `like` has it, and whether it must not match.
fn like(glob: &Glob) -> (bool, String) {
    let (negated, pattern) = glob.parts();
    let mut like = String::with_capacity(pattern.len());
    for c in pattern.chars() {
        match c {
            '*' => like.push('%'),
            '?' => like.push('_'),
            '\\' | '%' | '_' => like.extend(['\\', c]),
            _ => like.push(c),
        }
    }
    (negated, like)
}

fn of_text<'a>(filter: &'a EventTextFilter, sql: &mut Sql<'a>) {
    let search = &filter.query.search;
    if !search.any.is_empty() {
        and_any(sql, &search.any, |sql, term| {
            sql.template(TEXT, term);
        });
    }
    for term in &search.none {
        sql.push(" and not ").template(TEXT, term);
    }
    for term in &search.all {
        sql.push(" and ").template(TEXT, term);
    }
}

#[cfg(test)]
mod tests {
    use wire::{Errors, Input};

    use super::*;

    fn written(text: &str) -> String {
        let value = wire::json::parse(text.as_bytes()).unwrap();
        let filter = EventFilter::parse(&value, &mut Errors::of_body()).unwrap();
        let mut sql = Sql::default();
        filter.write(&mut sql);
        sql.text().to_owned()
    }

    #[test]
    fn what_is_asked_becomes_sql() {
        for (text, expected) in [
            ("{}", "true"),
            (r#"{"occurred":{"since":0,"until":1}}"#, "true and e.occurred >= $1 and e.occurred <= $2"),
            (
                r#"{"event":{"name":["a"],"exclude_prefix":["b","c"]}}"#,
                "true and not e.event ^@ $1 and not e.event ^@ $2 and e.event = $3",
            ),
            (
                r#"{"event":{"prefix":["a","b"],"exclude_name":["c"]}}"#,
                "true and (e.event ^@ $1 or e.event ^@ $2) and e.event <> all($3)",
            ),
            (
                r#"{"resource":{"id":["a","b"],"labels":{"l":["x*","!y"]}}}"#,
                "true and e.resource_id = any($1) and (e.resource ->> $2 like $3 or e.resource ->> $4 not like $5)",
            ),
            (r#"{"related":{"id":["a"]}}"#, "true and e.related_ids && $1"),
            (
                r#"{"related":[{"role":["a"]},{}]}"#,
                "true and exists (select from json_array_elements(e.related) r(v) where true and r.v ->> 'prefect.resource.role' = any($1))",
            ),
            (r#"{"any_resource":{"id":["a"]}}"#, "true and (e.resource_id = $1 or e.related_ids && $2)"),
            (
                r#"{"any_resource":{"labels":{"l":[]}}}"#,
                "true and exists (select from (select e.resource as v union all select json_array_elements(e.related)) r where true and false)",
            ),
            (r#"{"id":{"id":[]},"text":{"query":" "}}"#, "true"),
        ] {
            assert_eq!(written(text), expected, "{text}");
        }
    }

    #[test]
    fn patterns_are_escaped() {
        assert_eq!(like(&Glob::read("!a_b%*\\?")), (true, "a\\_b\\%%\\\\_".into()));
    }
}

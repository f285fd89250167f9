//! Which names events have had. They are few among millions of events, so the index by name is leapt along, from each name
//! to the next: a prefix of names becomes the names themselves, and each of them is looked up in its time alone.

use std::borrow::Cow;

use domain::events::filter::{EventFilter, EventNameFilter};

use crate::{Result, Tx};

/// Names that are looked up; where there are more, the index is read through.
const MOST: i64 = 500;

pub(crate) const BEGINNING: &str = "select n.event from unnest($1::text[]) p(prefix) cross join lateral (\
    with recursive n as ((select e.event from event e where e.event >= p.prefix order by e.event limit 1) \
    union all select o.event from n cross join lateral (select e.event from event e where e.event > n.event \
    order by e.event limit 1) o where n.event ^@ p.prefix) \
    select n.event from n where n.event ^@ p.prefix limit $2) n limit $2";

/// The filter with the names that its prefixes stand for, if they are not too many; `None` where no event has such a name.
pub(super) async fn named<'f>(tx: &mut Tx<'_>, filter: &'f EventFilter) -> Result<Option<Cow<'f, EventFilter>>> {
    let asked = |prefixes: &&Vec<String>| !prefixes.is_empty();
    let Some(prefixes) = filter.event.as_ref().and_then(|event| event.prefix.as_ref()).filter(asked) else {
        return Ok(Some(Cow::Borrowed(filter)));
    };
    let found: Vec<(String,)> = tx.all(BEGINNING, &[&apart(prefixes), &(MOST + 1)]).await?;
    if found.len() as i64 > MOST {
        return Ok(Some(Cow::Borrowed(filter)));
    }
    let mut names: Vec<String> = found.into_iter().map(|(name,)| name).collect();
    let mut filter = filter.clone();
    let event = filter.event.get_or_insert_default();
    if let Some(asked) = event.name.as_ref().filter(|names| !names.is_empty()) {
        names.retain(|name| asked.contains(name));
    }
    if names.is_empty() {
        return Ok(None);
    }
    *event = EventNameFilter { prefix: None, name: Some(names), ..std::mem::take(event) };
    Ok(Some(Cow::Owned(filter)))
}

/// The prefixes without those that begin with another: no name is found by two of them.
fn apart(prefixes: &[String]) -> Vec<&str> {
    let mut sorted: Vec<&str> = prefixes.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    // Whatever begins with a prefix follows right behind it.
    sorted.dedup_by(|next, prefix| next.starts_with(*prefix));
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_prefix_begins_with_another() {
        let apart_of = |prefixes: &[&str]| {
            let prefixes: Vec<String> = prefixes.iter().map(|prefix| (*prefix).to_owned()).collect();
            apart(&prefixes).join(" ")
        };
        assert_eq!(apart_of(&["b.", "a.b", "a", "a.c", "b.", "a-", "c"]), "a b. c");
        assert_eq!(apart_of(&["x", "", "y"]), "");
        assert_eq!(apart_of(&["ab", "ac", "abc"]), "ab ac");
    }
}

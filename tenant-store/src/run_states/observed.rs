//! Which types and names of states there have been. They are few among millions of states, so the index of them is not
//! read through but leapt along, from each pair to the next.

use domain::observed_states::{ObservedState, ObservedStateSort};

use crate::sql::Sql;
use crate::{Result, Tx, row};

row! { ObservedState: state_type "o.type", state_name "o.name", first_seen "o.first_seen", last_seen "o.last_seen" }

const PAIRS: &str = "with recursive pair as ((select s.type, s.name from run_state s order by s.type, s.name limit 1) \
    union all select n.type, n.name from pair p cross join lateral (select s.type, s.name from run_state s \
    where (s.type, s.name) > (p.type, p.name) order by s.type, s.name limit 1) n), \
    o as (select p.type, p.name, \
    (select s.timestamp from run_state s where s.type = p.type and s.name = p.name order by s.timestamp limit 1) as first_seen, \
    (select s.timestamp from run_state s where s.type = p.type and s.name = p.name order by s.timestamp desc limit 1) as last_seen from pair p";

/// Those whose type or name begins with `prefix`, whatever its case.
pub async fn observed(
    tx: &mut Tx<'_>,
    prefix: Option<&str>,
    sort: ObservedStateSort,
    limit: i64,
) -> Result<Vec<ObservedState>> {
    tx.all_of(&statement(prefix, sort, limit)).await
}

pub(crate) fn statement(prefix: Option<&str>, sort: ObservedStateSort, limit: i64) -> Sql<'_> {
    let mut sql = Sql::new(PAIRS);
    if let Some(prefix) = prefix.map(str::trim).filter(|prefix| !prefix.is_empty()) {
        sql.template(" where starts_with(lower(p.type), lower({})) or starts_with(lower(p.name), lower({}))", prefix);
    }
    sql.push(") select o.type, o.name, o.first_seen, o.last_seen from o order by ");
    sql.push(match sort {
        ObservedStateSort::LastSeenDesc => "o.last_seen desc, o.type, o.name",
        ObservedStateSort::NameAsc => "o.type, o.name",
    });
    sql.push(" limit ").bind(limit);
    sql
}

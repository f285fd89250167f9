//! What the rules must know of limits, as parts of the statements that load their facts.

use domain::rules::facts::LimitFacts;

use crate::orchestration::Cells;

/// Columns of a limit `l` as it stands now; it was locked before the clock is read.
macro_rules! limit_columns {
    () => {
        concat!(
            "l.id, l.name, l.active, l.\"limit\", ceil(",
            $crate::concurrency_limits::in_use!("clock_timestamp()"),
            ")::bigint, l.avg_slot_occupancy_seconds"
        )
    };
}
pub(crate) use limit_columns;

pub(crate) const LIMIT_WIDTH: usize = 6;

pub(crate) fn read_limit(cells: &mut Cells<'_>) -> Result<LimitFacts, tokio_postgres::Error> {
    Ok(LimitFacts {
        id: cells.next()?,
        name: cells.next()?,
        active: cells.next()?,
        limit: cells.next()?,
        active_slots: cells.next()?,
        avg_slot_occupancy_seconds: cells.next()?,
    })
}

/// The leases that a task run `t` holds on the limits of its tags. Nothing is looked up for one without tags.
macro_rules! held_leases {
    () => {
        "array(select e.id from concurrency_lease e where t.tags <> '{}' and e.holder_id = t.id and e.holder_type = 1 \
           and exists (select 1 from concurrency_limit l where l.id = any(e.limit_ids) \
             and l.name = any(array(select 'tag:' || tag from unnest(t.tags) tag))))"
    };
}
pub(crate) use held_leases;

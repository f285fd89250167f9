//! Orders of lists, and how a page of one is asked for so that an index gives it.
//!
//! Every order ends in the id: rows that are equal otherwise stand in one order on every page. Where the rows that an order
//! is about are few or come late in a run's life, their index is partial, and the list is asked for in two parts: the rows
//! of the index in its order, then the others. The second part is not even begun when the first fills the page, because
//! Postgres takes the parts of `union all` in turn (subqueries with a limit are not run in parallel).

use super::Sql;

/// An order of a list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Order {
    /// One expression for all rows.
    Whole(&'static str),
    /// The rows of the first part before those of the second.
    Parts([Part; 2]),
}

/// Some of the rows, in their order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    /// A condition, worded as that of the partial index.
    pub of: &'static str,
    pub by: &'static str,
}

impl Order {
    /// A page of `columns` of `from`; `narrow` adds conditions (` and …`).
    pub fn page<'a>(
        self,
        columns: &'static str,
        from: &'static str,
        narrow: impl Fn(&mut Sql<'a>),
        limit: i64,
        offset: i64,
    ) -> Sql<'a> {
        let select = |sql: &mut Sql<'a>| {
            sql.push("select ").push(columns).push(" from ").push(from).push(" where true");
            narrow(sql);
        };
        let mut sql = Sql::new("");
        match self {
            Order::Whole(by) => {
                select(&mut sql);
                sql.page(by, limit, offset);
            }
            Order::Parts(parts) => {
                // Each part may have to give the whole page, and what is skipped before it.
                let most = limit.saturating_add(offset);
                for (i, Part { of, by }) in parts.into_iter().enumerate() {
                    sql.push(if i == 0 { "(" } else { " union all (" });
                    select(&mut sql);
                    sql.push(" and ").push(of).push(" order by ").push(by).push(" limit ").bind(most).push(")");
                }
                sql.push(" limit ").bind(limit).push(" offset ").bind(offset);
            }
        }
        sql
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_in_parts_takes_the_second_after_the_first() {
        let order =
            Order::Parts([Part { of: "x.at is not null", by: "x.at" }, Part { of: "x.at is null", by: "x.id" }]);
        let sql = order.page("x.id", "x", |_| {}, 10, 5);
        assert_eq!(
            sql.text(),
            "(select x.id from x where true and x.at is not null order by x.at limit $1) union all \
            (select x.id from x where true and x.at is null order by x.id limit $2) limit $3 offset $4"
        );
    }
}

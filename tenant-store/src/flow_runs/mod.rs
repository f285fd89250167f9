//! Flow runs: all SQL of the resource, by what is done with them.

mod row;

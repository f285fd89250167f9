//! The value types that cross every border of the program: points in time, ids, opaque JSON.
//!
//! Each knows how it is read from a request (`Input`), written to an answer (`Serialize`) and, with the feature `sql`,
//! how it stands in a column.

mod id;
mod plain_time;
mod raw;
mod time;
mod time_span;

pub use plain_time::PlainTime;
pub use raw::{RawJson, RawObject};
pub use time::Time;
pub use time_span::TimeSpan;

//! Work pools: what may be asked of them.

mod filter;

pub use filter::WorkPoolFilter;

//! The unmodified SDK and command line of Prefect against the real program.

mod cli;
mod flows;

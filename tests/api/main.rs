//! What each address answers; the folders mirror the addresses.

mod account;
mod runs;

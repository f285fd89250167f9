//! Every operation of the program against every caller who must not get in, and against the one who holds just enough.
//!
//! The operations are read from the running server, so a new one is covered on the day it appears; it needs a line in
//! `requests.txt`. What is meant to be otherwise stands in `exceptions.txt`, which may only shrink.

mod bad_keys;
mod enough;
mod entries;
mod exceptions;
mod foreign;
mod ground;
mod keys;
mod revoked;
mod secrets;
mod sockets;
mod spellings;

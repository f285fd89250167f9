//! One tenant cannot reach another: not by SQL in any field of any operation, not by chance when many share two
//! connections, not with input that no client should send.

mod attack;
mod bad_input;
mod injection;
mod interleaved;
mod related;
mod sockets;

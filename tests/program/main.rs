//! The program as its operator meets it: how it starts, stops, refuses and comes back.

mod dev;
mod serve;
mod tenants;

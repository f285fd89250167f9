//! The way to the server and from it to the database: listener, TLS, proxies, browsers, poolers, and clients that mean ill.

mod bodies;
mod compression;
mod cors;
mod curl;
mod floods;
mod idle;
mod nginx;
mod pgbouncer;
mod postgres;
mod proxies;
mod raw;
mod smuggling;
mod tls;

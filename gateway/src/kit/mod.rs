//! The small framework under the operations: a table of them as data, arguments taken from requests, answers made from
//! values, one error ladder, the OpenAPI document. Router, authorisation, limits, cache and the coverage tests read the
//! same table, so none of them can forget an operation.

mod address;
mod answer;
mod argument;
mod call;
mod client_address;
mod failure;
mod in_hand;
mod openapi;
mod operation;
mod socket;
mod table;
mod tag;
mod version;

pub use address::{Address, Secret, Tenant};
pub use answer::{Accepted, Answer, Body, Created, Json, NoContent, Or, Response, Text, json_response, respond, whole};
pub use argument::{Argument, JsonBody, Path, Query, RawBody};
pub use call::{Call, Caller, Params};
pub use client_address::ClientAddress;
pub use failure::{Failure, Invalid, Reply};
pub use in_hand::{InHand, Kept};
pub use openapi::{Document, document};
#[doc(hidden)]
pub use operation::__id;
pub use operation::{Audit, Cache, Cost, Handler, Lane, Need, Op, Verb, handle};
pub use socket::{Handshake, PROTOCOL, Socket};
pub use table::{Found, Table, Tables};
pub use tag::{ETag, Tagged, is_plain_json, not_modified};
pub use version::is_served as version_is_served;

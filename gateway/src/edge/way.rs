//! What the layers learn of a request on its way, handed down in its extensions.

use std::sync::Arc;
use std::time::Instant;

use super::Request;
use crate::kit::{Address, Caller, InHand, Op, Params, Secret};
use crate::limits::Meter;

/// Filled layer by layer.
#[derive(Clone)]
pub struct Way {
    pub request_id: String,
    pub arrived: Instant,
    /// Which tenant, and the path below it.
    pub address: Address,
    pub op: Option<&'static Op>,
    pub params: Params,
    pub entered: Entered,
    /// The key the caller came with, for sockets, which must ask again whether it still counts.
    pub key: Option<Secret>,
    /// What measures the caller; of who is in no account, nothing.
    pub meter: Option<Arc<Meter>>,
    /// Its places among the requests in work.
    pub in_hand: InHand,
}

/// How far authentication let the caller.
#[derive(Clone, Default)]
pub enum Entered {
    #[default]
    Nobody,
    Key(tenant_store::control::Principal),
    Account(tenant_store::control::AccountMember),
    Workspace(tenant_store::control::Membership),
    /// Past authorisation.
    Permitted(Caller),
}

impl Way {
    /// The way of a request; laid by the first layer.
    pub fn of(request: &mut Request) -> &mut Way {
        // `RequestId` is the outermost layer and inserts it.
        request.extensions_mut().get_mut::<Way>().expect("the outermost layer lays the way")
    }

    /// The same, at its end.
    pub fn take(request: &mut Request) -> Way {
        // As above; `Dispatch`, the innermost, takes it once.
        request.extensions_mut().remove::<Way>().expect("the outermost layer lays the way")
    }
}

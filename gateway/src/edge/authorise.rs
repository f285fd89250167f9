//! May they: the operation's need against the caller's role. Denies what is not granted (403), and makes the [`Scope`] with
//! which alone the workspace's data can be reached.

use tenant_store::Scope;

use super::layer::{Glance, Refusal};
use super::trace::Seen;
use super::way::Entered;
use super::{Request, Way};
use crate::kit::{Caller, Failure, Need, Reply};

#[derive(Clone)]
pub struct Authorise;

impl Glance for Authorise {
    type Kept = ();

    fn down(&self, request: &mut Request) -> Result<(), Refusal> {
        let way = Way::of(request);
        // `Route` hands down nothing without an operation.
        let Some(op) = way.op else { return Err(Refusal(Failure::no_route(), "authorise")) };
        match permit(op.need, std::mem::take(&mut way.entered)) {
            Ok(caller) => {
                let actor = caller.actor();
                way.entered = Entered::Permitted(caller);
                if let (Some(seen), Some(actor)) = (request.extensions().get::<Seen>(), actor) {
                    seen.actor(actor);
                }
                Ok(())
            }
            Err(failure) => Err(Refusal(failure, op.id)),
        }
    }
}

/// Pure but for the minting: what a caller gets for what an operation needs.
pub fn permit(need: Need, entered: Entered) -> Reply<Caller> {
    match (need, entered) {
        (Need::Nothing | Need::WorkspaceByMessage(_), Entered::Nobody) => Ok(Caller::Nobody),
        (Need::AnyKey, Entered::Key(principal)) => Ok(Caller::Key(principal)),
        (Need::AnyKey, Entered::Account(member)) => Ok(Caller::Account(member)),
        (Need::Account(permission), Entered::Account(member)) => match member.may(permission) {
            true => Ok(Caller::Account(member)),
            false => Err(Failure::forbidden(format!("Your role in this account lacks the permission {permission}."))),
        },
        (Need::Workspace(name) | Need::WorkspaceByMessage(name), Entered::Workspace(member)) => {
            match member.permit(name) {
                Some(permitted) => Ok(Caller::Workspace { scope: Scope::for_request(permitted), member }),
                None => Err(Failure::forbidden(format!("Your role in this workspace lacks the scope {name}."))),
            }
        }
        // An operation that stands in the wrong table. Deny.
        (need, _) => Err(Failure::internal(format!("an operation needs {need:?} where its address cannot give it"))),
    }
}

//! What an answer is filed under. A key holds everything that an answer may depend on: the tenant, the operation with its
//! arguments, and what the caller may see. So one caller's answer is never another's who may see less.

use domain::kinds::Kind;
use sha2::{Digest, Sha256};
use tenant_store::Visible;
use tenant_store::commits::Space;

use crate::kit::{Caller, Op, Params};

/// All answers about one kind in one workspace, or about the control plane: what ends together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shelf {
    pub space: Space,
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub shelf: Shelf,
    /// A digest: arguments may be long, and may be secret.
    pub name: [u8; 16],
}

/// The programs of one version make the same answers; others share a Redis with it while they are replaced.
const MAKER: &str = concat!("prefecture ", env!("CARGO_PKG_VERSION"));

impl Key {
    /// `None` where an answer belongs to nobody, so that nothing says when it ends.
    pub fn of(op: &Op, kind: Kind, caller: &Caller, params: &Params, query: Option<&str>) -> Option<Self> {
        let mut hash = Sha256::new();
        let mut add = |part: &[u8]| {
            hash.update((part.len() as u32).to_le_bytes());
            hash.update(part);
        };
        add(MAKER.as_bytes());
        add(op.id.as_bytes());
        let (principal, workspace) = match caller {
            Caller::Nobody => return None,
            Caller::Key(principal) => (principal, None),
            Caller::Account(member) => {
                add(member.account().0.as_bytes());
                add(&member.permissions().bits().to_le_bytes());
                (member.principal(), None)
            }
            Caller::Workspace { member, scope } => {
                let Visible::Everything = scope.visible();
                add(scope.workspace().0.as_bytes());
                add(&member.scopes().bits().to_le_bytes());
                (member.principal(), Some(scope.workspace()))
            }
        };
        let space = match (kind, workspace) {
            // What a key opens is its owner's alone.
            (Kind::Control, _) => {
                add(principal.actor.0.as_bytes());
                add(principal.key.0.as_bytes());
                Space::Control
            }
            (_, Some(workspace)) => Space::Workspace(workspace),
            (_, None) => return None,
        };
        for (_, value) in &params.0 {
            add(value.as_bytes());
        }
        add(query.unwrap_or_default().as_bytes());
        let digest = hash.finalize();
        let mut name = [0; 16];
        name.copy_from_slice(&digest[..16]);
        Some(Self { shelf: Shelf { space, kind }, name })
    }
}

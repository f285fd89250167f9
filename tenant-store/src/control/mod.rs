//! The control plane: accounts, users, keys, roles and workspaces, in the schema `control` of one database.
//!
//! Promises:
//! * A key is checked against its checksum before any query, found by the hash of its secret, and never stored or logged.
//! * An unknown workspace, a deleted one, one of another account and one that the caller is no member of are the same
//!   answer, so that nobody learns which ids exist.
//! * [`access`] alone makes the proof that opens a workspace ([`crate::Permitted`]).
//! * Nobody gives more than they hold: [`giver`] reads, in the transaction of a change, what its maker holds then.
//! * Every change is one transaction and carries a row of audit that names who made it.

pub mod access;
mod accounts;
mod audit;
mod bots;
mod credential;
mod db;
mod encryption;
mod enter;
mod giver;
mod grants;
mod identities;
mod issuers;
mod key;
mod keys;
mod me;
mod places;
mod plans;
mod roles;
#[cfg(test)]
mod tests;
mod users;
mod workspaces;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::migrate::{self, Provisioner};
use crate::pool::{Pool, Pooler};
use crate::{Commits, Error, Result};
use db::Db;

pub use crate::scope::Place;
pub use access::{AccountMember, Membership};
pub use accounts::{Account, AccountPatch, NewAccount};
pub use audit::By;
pub use bots::{Bot, BotKeys, BotPatch, NewBot, Rotation};
pub use credential::{Credential, Token};
pub use db::Connections;
pub use encryption::WrongKeys;
pub use enter::{AccountEntry, Entry, Principal, PrincipalKind};
pub use grants::{Access, Grantee, Reach, ReachKind};
pub use identities::{Identity, Made, NewIdentity};
pub use issuers::{Issuer, NewIssuer};
pub use key::{ApiKey, KeyKind};
pub use keys::{IssuedKey, KeyInfo, NewKey};
pub use me::{MyAccount, MyWorkspace};
pub use plans::{Allocation, Allowance, Plan};
pub use roles::{AccountRoleRow, NewRole, RolePatch, WorkspaceRoleRow};
pub use users::{Member, NewUser, User, UserPatch};
pub use workspaces::{NewWorkspace, Workspace, WorkspaceFilter, WorkspacePatch};

/// Where the control database is and how much of it to use.
#[derive(Debug, Clone)]
pub struct ControlSettings {
    /// A `postgresql://` URL of the serving login.
    pub url: String,
    /// Connections at most.
    pub connections: usize,
    /// How long a request may wait for a connection, or for one to open, before it is [`Error::Unavailable`].
    pub wait: Duration,
    /// How long the database may take to answer a ping before it counts as away.
    pub patience: Duration,
    /// What stands between the program and the database.
    pub pooler: Pooler,
    /// How long a transaction may wait for its next statement before Postgres ends it.
    pub idle_transaction: Duration,
}

/// The control plane of this installation. Cheap to clone.
#[derive(Clone)]
pub struct Control(Arc<Inner>);

struct Inner {
    db: Db,
    /// The pool of each placement: where its workspaces' schemas are.
    places: HashMap<String, Pool>,
    provisioner: Option<Provisioner>,
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").field("places", &self.0.places.keys()).finish_non_exhaustive()
    }
}

impl Control {
    /// A control plane on the database that `settings` name, with a pool for each placement. Opens nothing yet.
    /// `provisioner` makes and drops schemas; without one a new workspace can only take a spare schema. `commits` is told
    /// of every change.
    pub fn new(
        settings: &ControlSettings,
        places: HashMap<String, Pool>,
        provisioner: Option<Provisioner>,
        commits: Commits,
    ) -> Result<Self> {
        Ok(Self(Arc::new(Inner { db: Db::new(settings, commits)?, places, provisioner })))
    }

    /// Whether the control database answers and is of a version this program serves.
    pub async fn ping(&self) -> Result<()> {
        let sql = "select schema_version from control.meta";
        let version: Option<(i32,)> = self.0.db.client().await?.opt(sql, &[]).await?;
        match version {
            Some((version,)) if migrate::CONTROL_SERVED.contains(&version) => Ok(()),
            Some((version,)) => Err(Error::SchemaVersion(version)),
            None => Err(Error::SchemaVersion(0)),
        }
    }

    /// Closes its connections: the program is about to end.
    pub async fn close(&self) {
        self.0.db.close().await;
    }

    /// Its connections at this moment.
    pub fn connections(&self) -> Connections {
        self.0.db.connections()
    }

    pub fn provisioner(&self) -> Option<&Provisioner> {
        self.0.provisioner.as_ref()
    }
}

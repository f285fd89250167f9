//! Who makes a change, held against what they hold: nobody gives more than they have themselves, changes who has more, or
//! lays hands on a key that opens more. Every change that gives or takes a role goes through here, in its transaction.

use domain::access::{Excess, Holdings, Permission, Permissions, Power, Scopes};
use domain::{AccountId, ActorId, WorkspaceId};

use super::audit::By;
use super::db::Transaction;
use crate::{Error, Result};

/// Whoever makes a change in an account.
pub(super) enum Giver {
    /// The operator's shell answers to nobody.
    Shell,
    Actor(Holdings),
}

/// Changes of roles in one account wait for one another: what was read of a role stays true until the change is made.
const LOCK: &str = "select 1 from control.account where id = $1 for no key update";
const PERMISSIONS: &str = "select r.permissions, m.active from control.membership m
        join control.account_role r on r.id = m.account_role_id
    where m.account_id = $1 and m.actor_id = $2";
// The deleted ones too: they can come back with the roles that were granted there.
const SCOPES: &str = "select w.id,
        coalesce(o.scopes, '{}') || coalesce(oi.scopes, '{}') || coalesce(d.scopes, '{}') || coalesce(di.scopes, '{}')
    from control.workspace w
        left join control.workspace_access x on x.workspace_id = w.id and x.actor_id = $2
        left join control.workspace_role o on o.id = x.workspace_role_id
        left join control.workspace_role oi on oi.id = o.inherited_role_id
        left join control.workspace_role d on d.id = w.default_role_id
        left join control.workspace_role di on di.id = d.inherited_role_id
    where w.account_id = $1";

impl Giver {
    /// Reads what the caller holds now, whatever was known when the request came in.
    pub async fn of(tx: &Transaction<'_>, by: By, account: AccountId) -> Result<Self> {
        tx.run(LOCK, &[&account]).await?;
        match by {
            By::Shell => Ok(Self::Shell),
            By::Actor(actor) => Ok(Self::Actor(holdings(tx, account, actor, Inactive::HoldsNothing).await?)),
        }
    }

    /// Refuses to give what the caller does not hold.
    pub fn gives(&self, power: Power) -> Result<()> {
        self.reach(power, "You cannot give what you do not hold yourself")
    }

    /// Refuses to change, in somebody's hands or in a role, what is more than the caller holds.
    pub fn changes(&self, power: Power) -> Result<()> {
        self.reach(power, "You cannot change what holds more than you do")
    }

    /// Refuses the keys of an actor who holds more than the caller.
    pub async fn touches_keys_of(&self, tx: &Transaction<'_>, account: AccountId, actor: ActorId) -> Result<()> {
        let Self::Actor(own) = self else { return Ok(()) };
        let theirs = holdings(tx, account, actor, Inactive::MayReturn).await?;
        own.reach_all(&theirs)
            .map_err(|excess| refused("You cannot touch the keys of who holds more than you do", &excess))
    }

    fn reach(&self, power: Power, sentence: &str) -> Result<()> {
        match self {
            Self::Shell => Ok(()),
            Self::Actor(own) => own.reach(power).map_err(|excess| refused(sentence, &excess)),
        }
    }
}

/// What a membership that is switched off counts for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inactive {
    HoldsNothing,
    /// Its key opens everything again the moment it is switched on.
    MayReturn,
}

async fn holdings(tx: &Transaction<'_>, account: AccountId, actor: ActorId, inactive: Inactive) -> Result<Holdings> {
    let member: Option<(Vec<String>, bool)> = tx.opt(PERMISSIONS, &[&account, &actor]).await?;
    let Some((permissions, active)) = member else { return Ok(Holdings::default()) };
    if !active && inactive == Inactive::HoldsNothing {
        return Ok(Holdings::default());
    }
    let permissions = Permissions::from_names(permissions);
    if permissions.contains(Permission::AdministrateWorkspace) {
        // Every scope in each workspace, whatever was granted there.
        return Ok(Holdings::new(permissions, []));
    }
    let rows: Vec<(WorkspaceId, Vec<String>)> = tx.all(SCOPES, &[&account, &actor]).await?;
    Ok(Holdings::new(permissions, rows.into_iter().map(|(id, names)| (id, Scopes::from_names(names)))))
}

fn refused(sentence: &str, excess: &Excess) -> Error {
    Error::Forbidden(format!("{sentence}: {excess}."))
}

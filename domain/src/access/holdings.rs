//! Nobody gives more than they hold. What one actor holds in an account, and whether it reaches as far as what they are
//! about to give, to change in somebody's hands, or to have the key of.

use std::collections::HashMap;
use std::fmt;

use super::{Permission, Permissions, ScopeName, Scopes, WorkspaceRole};
use crate::ids::WorkspaceId;

/// What an actor holds in one account and in its workspaces.
#[derive(Clone, Debug, Default)]
pub struct Holdings {
    permissions: Permissions,
    workspaces: HashMap<WorkspaceId, Scopes>,
}

/// What a role, or a role in somebody's hands, gives.
#[derive(Clone, Copy, Debug)]
pub enum Power {
    /// In the account. The permission to administrate workspaces stands for every scope in all of them.
    Account(Permissions),
    /// In one workspace of the account.
    Workspace(WorkspaceId, Scopes),
    /// In whichever workspace it is granted.
    AnyWorkspace(Scopes),
}

/// What is missing to reach a power: never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Excess {
    Permissions(Vec<Permission>),
    Scopes(Vec<ScopeName>),
}

impl Holdings {
    /// `workspaces` are all those of the account, those too in which nothing is held: a power in any workspace is held
    /// only by who holds it in each of them.
    pub fn new(permissions: Permissions, workspaces: impl IntoIterator<Item = (WorkspaceId, Scopes)>) -> Self {
        Self { permissions, workspaces: workspaces.into_iter().collect() }
    }

    /// Whether this is as much as the power gives, or more.
    pub fn reach(&self, power: Power) -> Result<(), Excess> {
        match power {
            Power::Account(permissions) => lacking(self.permissions.lacks(permissions), Excess::Permissions),
            Power::Workspace(workspace, scopes) => lacking(self.scopes(workspace).lacks(scopes), Excess::Scopes),
            Power::AnyWorkspace(scopes) => lacking(self.scopes_everywhere().lacks(scopes), Excess::Scopes),
        }
    }

    /// Whether this is as much as another holds, or more: what it takes to have the other's key.
    pub fn reach_all(&self, other: &Holdings) -> Result<(), Excess> {
        self.reach(Power::Account(other.permissions))?;
        other.workspaces.iter().try_for_each(|(workspace, scopes)| self.reach(Power::Workspace(*workspace, *scopes)))
    }

    fn scopes(&self, workspace: WorkspaceId) -> Scopes {
        if self.administrates() {
            return WorkspaceRole::Owner.scopes();
        }
        self.workspaces.get(&workspace).copied().unwrap_or_default()
    }

    fn scopes_everywhere(&self) -> Scopes {
        if self.administrates() {
            return WorkspaceRole::Owner.scopes();
        }
        self.workspaces.values().copied().reduce(Scopes::intersection).unwrap_or_default()
    }

    fn administrates(&self) -> bool {
        self.permissions.contains(Permission::AdministrateWorkspace)
    }
}

fn lacking<T>(missing: impl Iterator<Item = T>, excess: impl FnOnce(Vec<T>) -> Excess) -> Result<(), Excess> {
    let missing: Vec<T> = missing.collect();
    if missing.is_empty() { Ok(()) } else { Err(excess(missing)) }
}

/// In a sentence: `the scopes manage_acls, manage_blocks, see_blocks and 4 more`.
impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// A role of an owner's would fill the screen.
        const SHOWN: usize = 5;
        let (kind, names): (_, Vec<&str>) = match self {
            Self::Permissions(missing) => ("permission", missing.iter().map(|name| name.as_str()).collect()),
            Self::Scopes(missing) => ("scope", missing.iter().map(|name| name.as_str()).collect()),
        };
        let plural = if names.len() == 1 { "" } else { "s" };
        let (shown, rest) = names.split_at(names.len().min(SHOWN));
        write!(f, "the {kind}{plural} {}", shown.join(", "))?;
        if rest.is_empty() { Ok(()) } else { write!(f, " and {} more", rest.len()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{AccountRole, Permission as P, ScopeName as S};

    fn workspace(number: u128) -> WorkspaceId {
        WorkspaceId(uuid::Uuid::from_u128(number))
    }

    fn built_in(role: AccountRole) -> Holdings {
        Holdings::new(role.permissions(), [])
    }

    fn member(workspaces: &[(u128, &[ScopeName])]) -> Holdings {
        let scopes = workspaces.iter().map(|(number, names)| (workspace(*number), Scopes::of(names)));
        Holdings::new(AccountRole::Member.permissions(), scopes)
    }

    #[test]
    fn a_role_of_the_account_is_given_by_who_holds_all_of_it() {
        use AccountRole as R;
        let may = |giver, role: R| built_in(giver).reach(Power::Account(role.permissions())).is_ok();
        for role in R::ALL {
            assert!(may(role, role) && may(R::Owner, role) && may(role, R::Member), "{role:?}");
        }
        assert!(!may(R::Admin, R::Owner) && !may(R::Member, R::Admin));
        let excess = built_in(R::Admin).reach(Power::Account(R::Owner.permissions())).unwrap_err();
        assert_eq!(excess, Excess::Permissions(vec![P::BypassSso, P::DeleteAccount]));
        assert_eq!(excess.to_string(), "the permissions bypass:sso, delete:account");
    }

    #[test]
    fn who_administrates_holds_every_scope_everywhere() {
        let all = Scopes::all();
        for role in [AccountRole::Owner, AccountRole::Admin] {
            let giver = built_in(role);
            assert!(giver.reach(Power::Workspace(workspace(1), all)).is_ok());
            assert!(giver.reach(Power::AnyWorkspace(all)).is_ok());
        }
        assert!(built_in(AccountRole::Member).reach(Power::Workspace(workspace(1), all)).is_err());
    }

    #[test]
    fn a_scope_is_given_where_it_is_held() {
        let giver = member(&[(1, &[S::ManageWorkspaceUsers, S::ManageBlocks]), (2, &[S::SeeBlocks])]);
        let in_one = |number, scope| giver.reach(Power::Workspace(workspace(number), Scopes::of(&[scope])));
        assert!(in_one(1, S::ManageWorkspaceUsers).is_ok() && in_one(1, S::SeeSecretBlocks).is_ok());
        assert_eq!(in_one(1, S::ManageAcls).unwrap_err().to_string(), "the scope manage_acls");
        assert!(in_one(2, S::ManageBlocks).is_err());
        assert!(in_one(3, S::SeeBlocks).is_err(), "another account's");
        let anywhere = |scope| giver.reach(Power::AnyWorkspace(Scopes::of(&[scope])));
        assert!(anywhere(S::SeeBlocks).is_ok() && anywhere(S::ManageBlocks).is_err());
        assert!(member(&[]).reach(Power::AnyWorkspace(Scopes::of(&[S::SeeBlocks]))).is_err());
        assert!(member(&[]).reach(Power::AnyWorkspace(Scopes::NONE)).is_ok());
    }

    #[test]
    fn a_key_is_touched_by_who_holds_what_it_opens() {
        let (weak, strong) = (member(&[(1, &[S::SeeBlocks])]), member(&[(1, &[S::ManageBlocks])]));
        assert!(strong.reach_all(&weak).is_ok() && strong.reach_all(&strong).is_ok());
        assert!(weak.reach_all(&strong).is_err());
        assert!(strong.reach_all(&member(&[(1, &[S::SeeBlocks]), (2, &[S::SeeBlocks])])).is_err());
        let (owner, admin) = (built_in(AccountRole::Owner), built_in(AccountRole::Admin));
        assert!(
            admin.reach_all(&strong).is_ok() && admin.reach_all(&owner).is_err() && owner.reach_all(&admin).is_ok()
        );
        assert!(strong.reach_all(&admin).is_err());
    }

    #[test]
    fn a_long_excess_is_cut_short() {
        let excess = member(&[]).reach(Power::Workspace(workspace(1), Scopes::all())).unwrap_err();
        let shown =
            "the scopes manage_acls, manage_artifacts, manage_assets, manage_automations, manage_blocks and 56 more";
        assert_eq!(excess.to_string(), shown);
    }
}

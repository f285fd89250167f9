//! `admin roles`.

use clap::Subcommand;
use domain::access::{ScopeName, Scopes};
use tenant_store::control::{Access, By, Control, Grantee, NewRole, ReachKind, WorkspaceRoleRow};

use super::output::{Shown, row};
use crate::program::Error;

#[derive(Subcommand)]
pub enum Command {
    /// The roles that an account can grant in its workspaces: the built-in ones and its own.
    List {
        /// The account's handle.
        account: String,
    },
    /// One role with its scopes.
    Show {
        /// The account's handle.
        account: String,
        /// The role's name.
        role: String,
    },
    /// Make a role of the account's own.
    Create {
        /// The account's handle.
        account: String,
        /// Unique in the account.
        name: String,
        /// Scopes, separated by commas; each includes the weaker ones of its kind.
        #[arg(long, value_delimiter = ',', value_parser = scope, required = true)]
        scopes: Vec<ScopeName>,
        /// A built-in role whose scopes it has as well.
        #[arg(long, value_name = "ROLE")]
        inherits: Option<String>,
        #[arg(long, default_value = "", hide_default_value = true)]
        description: String,
    },
    /// Give a user or service account a role in a workspace, in place of the one they had.
    Grant {
        /// ACCOUNT/WORKSPACE or an id.
        workspace: String,
        /// The role's name: Owner, Developer, Runner, Viewer, Worker or one of the account's own.
        role: String,
        #[command(flatten)]
        to: To,
    },
    /// Take the role of a user or service account in a workspace away.
    Revoke {
        /// ACCOUNT/WORKSPACE or an id.
        workspace: String,
        #[command(flatten)]
        from: To,
    },
    /// Who holds which role in a workspace.
    Holders {
        /// ACCOUNT/WORKSPACE or an id.
        workspace: String,
    },
}

/// A user or a service account.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub struct To {
    /// A user, by handle or email address.
    #[arg(long)]
    user: Option<String>,
    /// A service account.
    #[arg(long, value_name = "ACCOUNT/NAME")]
    bot: Option<String>,
}

impl To {
    async fn grantee(&self, control: &Control) -> Result<Grantee, Error> {
        match (&self.user, &self.bot) {
            (Some(user), _) => Ok(Grantee::User(super::user(control, user).await?.id)),
            (_, Some(bot)) => Ok(Grantee::Bot(super::bot(control, bot).await?.id)),
            // The group of arguments requires one.
            (None, None) => Err("name a --user or a --bot".into()),
        }
    }
}

fn scope(text: &str) -> Result<ScopeName, String> {
    ScopeName::from_name(text).ok_or_else(|| {
        let all: Vec<&str> = ScopeName::ALL.iter().map(|scope| scope.as_str()).collect();
        format!("there is no such scope; there are {}", all.join(", "))
    })
}

pub async fn run(control: &Control, command: Command) -> Result<Shown, Error> {
    match command {
        Command::List { account } => {
            let account = super::account(control, &account).await?;
            let roles = control.list_workspace_roles(account.id, None, i64::MAX, 0).await?;
            let line = |role: &WorkspaceRoleRow| {
                let origin = if role.account.is_some() { "account" } else { "built in" };
                row![id: role.id, name: role.name, origin: origin, scopes: role.effective().iter().count(), description: role.description]
            };
            Ok(Shown::Many(roles.iter().map(line).collect()))
        }
        Command::Show { account, role } => {
            let account = super::account(control, &account).await?;
            let role = named(control, account.id, &role).await?;
            let scopes: Vec<&str> = role.effective().iter().map(ScopeName::as_str).collect();
            Ok(Shown::One(row![
                id: role.id, name: role.name, description: role.description, inherited_role_id: role.inherits, scopes: scopes,
            ]))
        }
        Command::Create { account, name, scopes, inherits, description } => {
            let account = super::account(control, &account).await?;
            let inherits = match inherits {
                Some(role) => Some(named(control, account.id, &role).await?.id),
                None => None,
            };
            let new = NewRole { name: &name, description: &description, scopes: Scopes::of(&scopes), inherits };
            let role = control.create_workspace_role(By::Shell, account.id, &new).await?;
            Ok(Shown::One(row![id: role.id, name: role.name]))
        }
        Command::Grant { workspace, role, to } => {
            let found = super::workspace(control, &workspace).await?;
            let role = named(control, found.account, &role).await?;
            let grantee = to.grantee(control).await?;
            let granted = control.grant_access(By::Shell, found.account, found.id, &[(grantee, role.id)]).await?;
            let granted =
                granted.ok_or("they are not in the workspace's account: `admin users join` lets a user in")?;
            let told = |access: Access| format!("{} is {} in {}", access.name, access.role_name, found.handle);
            Ok(Shown::Done(granted.into_iter().map(told).collect()))
        }
        Command::Revoke { workspace, from } => {
            let found = super::workspace(control, &workspace).await?;
            let (kind, grantee) = match from.grantee(control).await? {
                grantee @ Grantee::User(_) => (ReachKind::User, grantee),
                grantee @ Grantee::Bot(_) => (ReachKind::Bot, grantee),
            };
            let held =
                control.list_access(found.id, kind, i64::MAX, 0).await?.into_iter().find(|access| match grantee {
                    Grantee::User(user) => access.user == Some(user),
                    Grantee::Bot(bot) => access.bot == Some(bot),
                });
            let held = held.ok_or("they hold no role of their own there")?;
            control.revoke_access(By::Shell, found.id, kind, held.id).await?;
            Ok(Shown::Done(format!("{} is no longer {} in {}", held.name, held.role_name, found.handle)))
        }
        Command::Holders { workspace } => {
            let found = super::workspace(control, &workspace).await?;
            let mut rows = Vec::new();
            for (kind, name) in [(ReachKind::User, "user"), (ReachKind::Bot, "service account")] {
                for access in control.list_access(found.id, kind, i64::MAX, 0).await? {
                    rows.push(row![actor_id: access.actor, name: access.name, kind: name, role: access.role_name]);
                }
            }
            Ok(Shown::Many(rows))
        }
    }
}

async fn named(control: &Control, account: domain::AccountId, name: &str) -> Result<WorkspaceRoleRow, Error> {
    let roles = control.list_workspace_roles(account, None, i64::MAX, 0).await?;
    let found = roles.into_iter().find(|role| role.name.eq_ignore_ascii_case(name));
    found.ok_or_else(|| format!("there is no role {name:?}; `prefecture admin roles list` shows them").into())
}

//! `admin users`.

use clap::{Args, Subcommand};
use domain::access::AccountRole;
use tenant_store::control::{By, Control, NewUser, User};

use super::output::{Shown, row};
use crate::program::Error;

#[derive(Subcommand)]
pub enum Command {
    /// Make a user, and a member of an account at once if one is named. `keys create` gives them a key.
    Create(Create),
    /// All users, or the members of one account.
    List {
        /// Members of this account alone, with their roles; service accounts among them.
        #[arg(long, value_name = "ACCOUNT")]
        account: Option<String>,
    },
    /// One user with their accounts.
    Show {
        /// Handle or email address.
        user: String,
    },
    /// Make a user a member of an account, or give a member another role.
    Join {
        /// Handle or email address.
        user: String,
        /// The account's handle.
        account: String,
        /// Owner, Admin or Member.
        #[arg(long, default_value = "Member", value_parser = account_role)]
        role: AccountRole,
    },
    /// Take a user out of an account and its workspaces.
    Leave {
        /// Handle or email address.
        user: String,
        /// The account's handle.
        account: String,
    },
    /// Delete a user with their keys.
    Delete {
        /// Handle or email address.
        user: String,
    },
}

#[derive(Args)]
pub struct Create {
    /// The user's name in addresses: lower-case letters, digits and dashes.
    handle: String,
    #[arg(long)]
    email: Option<String>,
    #[arg(long, default_value = "", hide_default_value = true)]
    first_name: String,
    #[arg(long, default_value = "", hide_default_value = true)]
    last_name: String,
    /// Make them a member of this account.
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// Owner, Admin or Member of that account.
    #[arg(long, default_value = "Member", value_parser = account_role, requires = "account")]
    role: AccountRole,
}

pub fn account_role(text: &str) -> Result<AccountRole, String> {
    AccountRole::from_name(text).ok_or_else(|| format!("{text:?}: write Owner, Admin or Member"))
}

pub async fn run(control: &Control, command: Command) -> Result<Shown, Error> {
    match command {
        Command::Create(create) => {
            let handle = super::handle(Some(create.handle.clone()), "")?;
            // Looked up first, so that a misspelt account leaves no user behind.
            let account = match &create.account {
                Some(account) => Some(super::account(control, account).await?),
                None => None,
            };
            let Create { first_name, last_name, email, role, .. } = &create;
            let new = NewUser { handle: &handle, first_name, last_name, email: email.as_deref() };
            let user = control.create_user(By::Shell, &new).await?;
            if let Some(account) = account {
                control.add_member(By::Shell, account.id, user.id, role.id()).await?;
            }
            Ok(Shown::One(fields(&user)))
        }
        Command::List { account: None } => Ok(Shown::Many(control.list_users().await?.iter().map(fields).collect())),
        Command::List { account: Some(account) } => {
            let account = super::account(control, &account).await?;
            let members = control.list_members(account.id, None, None, i64::MAX, 0).await?;
            let member = |m: &tenant_store::control::Member| {
                let kind = if m.user.is_some() { "user" } else { "service account" };
                row![id: m.user.map(|id| id.0).unwrap_or(m.actor.0), handle: m.handle, kind: kind, role: m.role_name, email: m.email]
            };
            Ok(Shown::Many(members.iter().map(member).collect()))
        }
        Command::Show { user } => {
            let user = super::user(control, &user).await?;
            let accounts = control.my_accounts(user.actor).await?;
            let accounts: Vec<String> =
                accounts.iter().map(|mine| format!("{} ({})", mine.account_handle, mine.role_name)).collect();
            let workspaces = control.my_workspaces(user.actor).await?;
            let workspaces: Vec<String> =
                workspaces.iter().map(|mine| format!("{}/{}", mine.account_handle, mine.workspace_handle)).collect();
            let mut shown = fields(&user);
            shown.extend(row![accounts: accounts, workspaces: workspaces]);
            Ok(Shown::One(shown))
        }
        Command::Join { user, account, role } => {
            let (user, account) = (super::user(control, &user).await?, super::account(control, &account).await?);
            if role != AccountRole::Owner {
                // An owner who is made less goes the way that keeps the last one.
                if let Some(member) = control.member_by_actor(account.id, user.actor).await? {
                    control.set_member_role(By::Shell, account.id, member.id, role.id()).await?;
                    return Ok(joined(&user.handle, &account.handle, role));
                }
            }
            control.add_member(By::Shell, account.id, user.id, role.id()).await?;
            Ok(joined(&user.handle, &account.handle, role))
        }
        Command::Leave { user, account } => {
            let (user, account) = (super::user(control, &user).await?, super::account(control, &account).await?);
            match control.remove_member(By::Shell, account.id, user.actor).await? {
                true => Ok(Shown::Done(format!("{} has left {}", user.handle, account.handle))),
                false => Err(format!("{} is no member of {}", user.handle, account.handle).into()),
            }
        }
        Command::Delete { user } => {
            let user = super::user(control, &user).await?;
            control.delete_user(By::Shell, user.id).await?;
            Ok(Shown::Done(format!("{} is deleted", user.handle)))
        }
    }
}

fn joined(user: &str, account: &str, role: AccountRole) -> Shown {
    Shown::Done(format!("{user} is {} of {account}", role.name()))
}

fn fields(user: &User) -> Vec<(&'static str, serde_json::Value)> {
    let name = format!("{} {}", user.first_name, user.last_name);
    row![id: user.id, actor_id: user.actor, handle: user.handle, name: name.trim(), email: user.email, created: user.created]
}

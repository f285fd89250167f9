//! `admin workspaces`.

use clap::{Args, Subcommand};
use tenant_store::control::{By, Control, NewWorkspace, Workspace};

use super::output::{Shown, row};
use crate::program::Error;

#[derive(Subcommand)]
pub enum Command {
    /// Make a workspace, ready for use when this answers.
    Create(Create),
    /// Workspaces of all accounts, or of one.
    List {
        /// Of this account alone.
        #[arg(long, value_name = "ACCOUNT")]
        account: Option<String>,
        /// Also those that were deleted and can still be restored.
        #[arg(long)]
        deleted: bool,
    },
    /// One workspace.
    Show {
        /// ACCOUNT/WORKSPACE or an id.
        workspace: String,
    },
    /// Hide a workspace and free its handle. Its data stays until the grace period is over.
    Delete {
        /// ACCOUNT/WORKSPACE or an id.
        workspace: String,
    },
    /// Bring a deleted workspace back.
    Restore {
        /// The workspace's id, as `list --deleted` shows it.
        workspace: String,
        /// Another handle, if its own was given away meanwhile.
        #[arg(long)]
        handle: Option<String>,
    },
    /// Drop a deleted workspace with all its data, now. This cannot be undone.
    Purge {
        /// The workspace's id, as `list --deleted` shows it.
        workspace: String,
    },
}

#[derive(Args)]
pub struct Create {
    /// The account's handle.
    account: String,
    /// What people call it.
    name: String,
    /// Its name in addresses; made from the name when absent.
    #[arg(long)]
    handle: Option<String>,
    #[arg(long, default_value = "", hide_default_value = true)]
    description: String,
    /// The database it lives on.
    #[arg(long, default_value = "default")]
    placement: String,
}

pub async fn run(control: &Control, command: Command) -> Result<Shown, Error> {
    match command {
        Command::Create(create) => {
            let account = super::account(control, &create.account).await?;
            let handle = super::handle(create.handle.clone(), &create.name)?;
            let Create { name, description, placement, .. } = &create;
            let new = NewWorkspace { handle: &handle, name, description, placement };
            let workspace = control.create_workspace(By::Shell, account.id, &new).await?;
            Ok(Shown::One(fields(&workspace, &create.account)))
        }
        Command::List { account, deleted } => {
            let account = match account {
                Some(account) => Some(super::account(control, &account).await?.id),
                None => None,
            };
            let accounts = control.list_accounts().await?;
            let handle = |workspace: &Workspace| {
                let account = accounts.iter().find(|account| account.id == workspace.account);
                account.map_or("", |account| account.handle.as_str())
            };
            let workspaces = control.every_workspace(account, deleted).await?;
            Ok(Shown::Many(workspaces.iter().map(|workspace| fields(workspace, handle(workspace))).collect()))
        }
        Command::Show { workspace } => {
            let workspace = super::workspace(control, &workspace).await?;
            let account = control.read_account(workspace.account).await?;
            let reach = control.who_can_reach(workspace.id).await?;
            let reach: Vec<String> = reach.into_iter().map(|reach| reach.name).collect();
            let mut shown = fields(&workspace, account.as_ref().map_or("", |account| account.handle.as_str()));
            shown.extend(
                row![description: workspace.description, default_role_id: workspace.default_role, reached_by: reach],
            );
            Ok(Shown::One(shown))
        }
        Command::Delete { workspace } => {
            let found = super::workspace(control, &workspace).await?;
            match control.delete_workspace(By::Shell, found.account, found.id).await? {
                true => Ok(Shown::Done(format!(
                    "{} is deleted; `admin workspaces restore {}` brings it back",
                    found.handle, found.id
                ))),
                false => Err(format!("{workspace} was deleted already").into()),
            }
        }
        Command::Restore { workspace, handle } => {
            let found = super::workspace(control, &workspace).await?;
            let handle = handle.map(|handle| super::handle(Some(handle), "")).transpose()?;
            let restored = control.restore_workspace(By::Shell, found.id, handle.as_deref()).await?;
            let restored = restored.ok_or_else(|| format!("{workspace} is not deleted"))?;
            Ok(Shown::Done(format!("{} is back", restored.handle)))
        }
        Command::Purge { workspace } => {
            let found = super::workspace(control, &workspace).await?;
            match control.purge_workspace(found.id).await? {
                true => Ok(Shown::Done(format!("{} is gone", found.id))),
                false => Err(format!("{workspace} is not deleted; delete it first").into()),
            }
        }
    }
}

fn fields(workspace: &Workspace, account: &str) -> Vec<(&'static str, serde_json::Value)> {
    row![
        id: workspace.id,
        account: account,
        account_id: workspace.account,
        handle: workspace.handle,
        name: workspace.name,
        placement: workspace.placement,
        schema_version: workspace.schema_version,
        created: workspace.created,
        deleted: workspace.deleted,
    ]
}

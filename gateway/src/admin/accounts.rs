//! `admin accounts`.

use clap::Subcommand;
use tenant_store::control::{Account, By, Control, NewAccount};

use super::output::{Shown, row};
use crate::program::Error;

#[derive(Subcommand)]
pub enum Command {
    /// Make an account. It has no members yet: `users create --account` or `recover-owner` gives it an owner.
    Create {
        /// What people call it.
        name: String,
        /// Its name in addresses; made from the name when absent.
        #[arg(long)]
        handle: Option<String>,
    },
    /// Put an account on a plan (`plans list` shows them); without one, on the installation's default.
    SetPlan {
        /// The account's handle.
        account: String,
        plan: Option<String>,
    },
    /// All accounts.
    List,
    /// One account with its members.
    Show {
        /// The account's handle.
        account: String,
    },
}

pub async fn run(control: &Control, command: Command) -> Result<Shown, Error> {
    match command {
        Command::Create { name, handle } => {
            let handle = super::handle(handle, &name)?;
            let account = control.create_account(By::Shell, &NewAccount { handle: &handle, name: &name }).await?;
            Ok(Shown::One(fields(&account)))
        }
        Command::SetPlan { account, plan } => {
            let account = super::account(control, &account).await?;
            control.set_plan(By::Shell, account.id, plan.as_deref()).await?;
            let plan = plan.as_deref().unwrap_or("the default plan");
            Ok(Shown::Done(format!("{} is on {plan}", account.handle)))
        }
        Command::List => Ok(Shown::Many(control.list_accounts().await?.iter().map(fields).collect())),
        Command::Show { account } => {
            let account = super::account(control, &account).await?;
            let members = control.list_members(account.id, None, None, i64::MAX, 0).await?;
            let members: Vec<String> = members.iter().map(|m| format!("{} ({})", m.handle, m.role_name)).collect();
            let workspaces = control.every_workspace(Some(account.id), false).await?;
            let workspaces: Vec<String> = workspaces.into_iter().map(|workspace| workspace.handle).collect();
            let mut shown = fields(&account);
            shown.extend(row![members: members, workspaces: workspaces]);
            Ok(Shown::One(shown))
        }
    }
}

fn fields(account: &Account) -> Vec<(&'static str, serde_json::Value)> {
    row![id: account.id, handle: account.handle, name: account.name, created: account.created]
}

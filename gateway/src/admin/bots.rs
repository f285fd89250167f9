//! `admin bots`.

use clap::Subcommand;
use domain::access::AccountRole;
use tenant_store::control::{Bot, By, Control, NewBot};

use super::output::{Shown, row};
use super::users::account_role;
use crate::program::Error;

#[derive(Subcommand)]
pub enum Command {
    /// Make a service account; its first key is in the answer and nowhere else.
    Create {
        /// The account's handle.
        account: String,
        /// Unique in the account.
        name: String,
        /// Owner, Admin or Member of the account.
        #[arg(long, default_value = "Member", value_parser = account_role)]
        role: AccountRole,
        /// When its key ends: 90d, 12h; never when absent.
        #[arg(long, value_parser = crate::config::duration, value_name = "DURATION")]
        expires_in: Option<std::time::Duration>,
    },
    /// The service accounts of an account.
    List {
        /// The account's handle.
        account: String,
    },
    /// Delete a service account with its keys.
    Delete {
        /// ACCOUNT/NAME
        bot: String,
    },
}

pub async fn run(control: &Control, command: Command) -> Result<Shown, Error> {
    match command {
        Command::Create { account, name, role, expires_in } => {
            let account = super::account(control, &account).await?;
            let key_expiration = super::keys::end(expires_in);
            let new = NewBot { name: &name, role: Some(role.id()), key_expiration };
            let (bot, issued) = control.create_bot(By::Shell, account.id, &new).await?;
            let mut shown = fields(&bot);
            shown.extend(row![key_id: issued.info.id, expiration: issued.info.expiration, key: issued.key.secret()]);
            Ok(Shown::One(shown))
        }
        Command::List { account } => {
            let account = super::account(control, &account).await?;
            let bots = control.list_bots(account.id, None, i64::MAX, 0).await?;
            Ok(Shown::Many(bots.iter().map(fields).collect()))
        }
        Command::Delete { bot } => {
            let found = super::bot(control, &bot).await?;
            control.delete_bot(By::Shell, found.account, found.id).await?;
            Ok(Shown::Done(format!("{bot} is deleted")))
        }
    }
}

fn fields(bot: &Bot) -> Vec<(&'static str, serde_json::Value)> {
    row![id: bot.id, actor_id: bot.actor, name: bot.name, role: bot.role_name, created: bot.created]
}

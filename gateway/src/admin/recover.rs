//! `admin recover-owner`: the way back into an account whose owners lost their keys or left.

use clap::Args;
use domain::access::AccountRole;
use tenant_store::control::{By, Control, NewUser};

use super::keys;
use super::output::Shown;
use crate::program::Error;

#[derive(Args)]
pub struct RecoverOwner {
    /// The account's handle.
    account: String,
    /// The user who becomes owner, by handle or email address; made if there is none of that handle.
    #[arg(long, default_value = "owner")]
    user: String,
    /// When the new key ends: 90d, 12h; a day when absent, so that an emergency does not leave a key behind.
    #[arg(long, default_value = "1d", value_parser = crate::config::duration, value_name = "DURATION")]
    expires_in: std::time::Duration,
}

pub async fn run(control: &Control, command: RecoverOwner) -> Result<Shown, Error> {
    let account = super::account(control, &command.account).await?;
    let user = match control.find_user(&command.user).await? {
        Some(user) => user,
        None => {
            let handle = super::handle(Some(command.user), "")?;
            let new = NewUser { handle: &handle, first_name: "", last_name: "", email: None };
            control.create_user(By::Shell, &new).await?
        }
    };
    control.add_member(By::Shell, account.id, user.id, AccountRole::Owner.id()).await?;
    let issued = keys::issue(control, user.actor, "owner recovery", Some(command.expires_in)).await?;
    Ok(keys::issued(&issued))
}

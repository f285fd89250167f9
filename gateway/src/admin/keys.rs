//! `admin keys`.

use std::time::Duration;

use clap::{Args, Subcommand};
use domain::{ActorId, KeyId};
use tenant_store::control::{By, Control, IssuedKey, KeyInfo, NewKey};
use uuid::Uuid;
use wire::Time;

use super::output::{Shown, row};
use crate::program::Error;

#[derive(Subcommand)]
pub enum Command {
    /// Make a key. It is in the answer and nowhere else: only a hash of it is stored.
    Create {
        #[command(flatten)]
        owner: Owner,
        /// What it is for.
        #[arg(long, default_value = "admin shell")]
        name: String,
        /// When it ends: 90d, 12h; never when absent.
        #[arg(long, value_parser = crate::config::duration, value_name = "DURATION")]
        expires_in: Option<Duration>,
    },
    /// The keys that work, masked.
    List {
        #[command(flatten)]
        owner: Owner,
    },
    /// End a key. Every replica refuses it within a second.
    Revoke {
        /// The key's id, as `list` shows it.
        key: Uuid,
    },
}

/// Whose keys.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct Owner {
    /// A user, by handle or email address.
    #[arg(long)]
    user: Option<String>,
    /// A service account.
    #[arg(long, value_name = "ACCOUNT/NAME")]
    bot: Option<String>,
}

impl Owner {
    pub async fn actor(&self, control: &Control) -> Result<ActorId, Error> {
        match (&self.user, &self.bot) {
            (Some(user), _) => Ok(super::user(control, user).await?.actor),
            (_, Some(bot)) => Ok(super::bot(control, bot).await?.actor),
            // The group of arguments requires one.
            (None, None) => Err("name a --user or a --bot".into()),
        }
    }
}

/// When something ends that lives for so long from now; `None` never does.
pub fn end(life: Option<Duration>) -> Option<Time> {
    life.map(|life| Time::of_machine() + life)
}

pub async fn run(control: &Control, command: Command) -> Result<Shown, Error> {
    match command {
        Command::Create { owner, name, expires_in } => {
            let actor = owner.actor(control).await?;
            Ok(issued(&issue(control, actor, &name, expires_in).await?))
        }
        Command::List { owner } => {
            let keys = control.list_keys(owner.actor(control).await?, None).await?;
            Ok(Shown::Many(keys.iter().map(fields).collect()))
        }
        Command::Revoke { key } => {
            let unknown = || format!("there is no key {key} that works");
            let actor = control.owner_of_key(KeyId(key)).await?.ok_or_else(unknown)?;
            match control.revoke_key(By::Shell, actor, KeyId(key)).await? {
                true => Ok(Shown::Done(format!("{key} is revoked"))),
                false => Err(unknown().into()),
            }
        }
    }
}

pub async fn issue(control: &Control, actor: ActorId, name: &str, life: Option<Duration>) -> Result<IssuedKey, Error> {
    let new = NewKey { name, expiration: end(life) };
    let issued = control.create_key(By::Shell, actor, &new).await?;
    issued.ok_or_else(|| "the owner of the key went away".into())
}

/// The one time that a key is shown.
pub fn issued(issued: &IssuedKey) -> Shown {
    let info = &issued.info;
    Shown::One(row![id: info.id, name: info.name, expiration: info.expiration, key: issued.key.secret()])
}

fn fields(info: &KeyInfo) -> Vec<(&'static str, serde_json::Value)> {
    row![id: info.id, name: info.name, key: info.mask, created: info.created, expiration: info.expiration, last_used: info.last_used]
}

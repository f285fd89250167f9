//! `admin issuers`: whose tokens may stand in for keys. There is no other way to name one: the program asks them for keys,
//! so only who runs it says where it asks.

use clap::Subcommand;
use tenant_store::control::{By, Control, Issuer, NewIssuer};

use super::output::{Shown, row};
use crate::program::Error;
use crate::tokens;

#[derive(Subcommand)]
pub enum Command {
    /// Name an issuer. Its keys are found by its discovery document, on the same host, or at --jwks-url.
    Create {
        /// What its tokens say in `iss`, to the letter: https://token.actions.githubusercontent.com
        url: String,
        /// Where its keys are, in place of what its discovery document says.
        #[arg(long, value_name = "URL")]
        jwks_url: Option<String>,
        /// The handle of the one account that may use it; any account when absent.
        #[arg(long, value_name = "ACCOUNT")]
        account: Option<String>,
    },
    /// All issuers.
    List,
    /// Take an issuer away, with every identity that builds on it. No token of it counts from then on.
    Delete {
        /// As `list` shows it.
        url: String,
    },
}

pub async fn run(control: &Control, command: Command) -> Result<Shown, Error> {
    match command {
        Command::Create { url, jwks_url, account } => {
            tokens::is_issuer(&url)?;
            if let Some(url) = &jwks_url {
                tokens::is_key_set(url)?;
            }
            let account = match account {
                Some(handle) => Some(super::account(control, &handle).await?.id),
                None => None,
            };
            let new = NewIssuer { url: &url, jwks_url: jwks_url.as_deref(), account };
            Ok(Shown::One(fields(&control.create_issuer(By::Shell, &new).await?)))
        }
        Command::List => Ok(Shown::Many(control.list_issuers().await?.iter().map(fields).collect())),
        Command::Delete { url } => match control.delete_issuer(By::Shell, &url).await? {
            true => Ok(Shown::Done(format!("{url} is deleted"))),
            false => Err(format!("there is no issuer {url:?}; `prefecture admin issuers list` shows them").into()),
        },
    }
}

fn fields(issuer: &Issuer) -> Vec<(&'static str, serde_json::Value)> {
    row![id: issuer.id, url: issuer.url, jwks_url: issuer.jwks_url, account_id: issuer.account, created: issuer.created]
}

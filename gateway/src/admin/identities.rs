//! `admin identities`: which tokens stand for which service account.

use clap::{Args, Subcommand};
use domain::IdentityId;
use domain::access::{MOST_VALUES, weight};
use serde_json::{Map, Value};
use tenant_store::control::{By, Control, Identity, Made, NewIdentity};
use uuid::Uuid;

use super::output::{Shown, row};
use crate::program::Error;

#[derive(Subcommand)]
pub enum Command {
    /// Let tokens of an issuer stand for a service account: no key is made and none is stored.
    Create(Create),
    /// The identities of an account.
    List {
        /// The account's handle.
        account: String,
    },
    /// Take an identity away. Every replica refuses its tokens within a second.
    Delete {
        /// The account's handle.
        account: String,
        /// The identity's id, as `list` shows it.
        identity: Uuid,
    },
}

#[derive(Args)]
pub struct Create {
    /// The service account, as ACCOUNT/NAME.
    bot: String,
    /// The issuer's address, as `prefecture admin issuers list` shows it.
    #[arg(long, value_name = "URL")]
    issuer: String,
    /// One of the audiences (`aud`) of its tokens; this account's alone from now on.
    #[arg(long)]
    audience: String,
    /// A claim that a token must have, such as sub=system:serviceaccount:ci:builder; several must all be there.
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = claim)]
    claims: Vec<(String, String)>,
    /// The same as a JSON object, for claims that are no text: {"kubernetes.io": {"namespace": "ci"}}
    #[arg(long, value_name = "JSON")]
    claims_json: Option<String>,
    /// Unique in the account; the service account's name when absent.
    #[arg(long)]
    name: Option<String>,
}

fn claim(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

pub async fn run(control: &Control, command: Command) -> Result<Shown, Error> {
    match command {
        Command::Create(create) => {
            let bot = super::bot(control, &create.bot).await?;
            let claims = asked(&create)?;
            let weight = weight(&claims).ok_or_else(|| {
                format!(
                    "ask for one to {MOST_VALUES} values: --claim sub=… (with none, any token of the issuer would do)"
                )
            })?;
            let name = create.name.as_deref().unwrap_or(&bot.name);
            let Create { issuer, audience, .. } = &create;
            let new = NewIdentity { name, issuer, audience, claims: &claims, weight, bot: bot.id };
            match control.create_identity(By::Shell, bot.account, &new).await? {
                Made::Made(identity) => Ok(Shown::One(fields(&identity))),
                Made::NoBot => Err("the service account went away".into()),
                Made::NoIssuer => {
                    Err(format!("the account may use no issuer {issuer:?}; `prefecture admin issuers list` shows them")
                        .into())
                }
            }
        }
        Command::List { account } => {
            let account = super::account(control, &account).await?;
            let identities = control.list_identities(account.id, None, i64::MAX, 0).await?;
            Ok(Shown::Many(identities.iter().map(fields).collect()))
        }
        Command::Delete { account, identity } => {
            let found = super::account(control, &account).await?;
            match control.delete_identity(By::Shell, found.id, IdentityId(identity)).await? {
                true => Ok(Shown::Done(format!("{identity} is deleted"))),
                false => Err(format!("there is no identity {identity} in {account}").into()),
            }
        }
    }
}

/// Both ways to name claims, together.
fn asked(create: &Create) -> Result<Map<String, Value>, Error> {
    let mut claims = match &create.claims_json {
        None => Map::new(),
        Some(text) => serde_json::from_str(text).map_err(|why| format!("--claims-json is no JSON object: {why}"))?,
    };
    claims.extend(create.claims.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))));
    Ok(claims)
}

fn fields(identity: &Identity) -> Vec<(&'static str, Value)> {
    row![
        id: identity.id, name: identity.name, bot: identity.bot_name, issuer: identity.issuer,
        audience: identity.audience, claims: identity.claims.0.to_value(), last_used: identity.last_used,
    ]
}

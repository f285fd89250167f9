//! Who issues tokens that may stand in for keys. The operator's alone: the program fetches keys from these addresses.

use domain::{AccountId, IssuerId};
use serde_json::json;
use wire::Time;

use super::Control;
use super::audit::{self, By, Change};
use crate::Result;

#[derive(Clone, Debug, PartialEq)]
pub struct Issuer {
    pub id: IssuerId,
    pub created: Time,
    /// What its tokens say in `iss`, to the letter.
    pub url: String,
    /// Where its keys are; `None` asks its discovery document.
    pub jwks_url: Option<String>,
    /// The one account that may use it; `None` is any.
    pub account: Option<AccountId>,
}

crate::row! { Issuer: id "i.id", created "i.created", url "i.url", jwks_url "i.jwks_url", account "i.account_id" }

/// Addresses are checked by the caller.
#[derive(Clone, Debug)]
pub struct NewIssuer<'a> {
    pub url: &'a str,
    pub jwks_url: Option<&'a str>,
    pub account: Option<AccountId>,
}

macro_rules! issuer {
    ($rest:literal) => {
        concat!("select i.id, i.created, i.url, i.jwks_url, i.account_id from control.issuer i ", $rest)
    };
}

const CREATE: &str = "insert into control.issuer as i (id, url, jwks_url, account_id) values ($1, $2, $3, $4)
    returning i.id, i.created, i.url, i.jwks_url, i.account_id";
const LIST: &str = issuer!("order by i.url");
// Few rows: the operator adds them by hand.
const USABLE: &str = issuer!("where i.account_id is null or i.account_id = $1 order by i.url limit $2 offset $3");
pub(super) const FIND: &str = issuer!("where i.url = $2 and (i.account_id is null or i.account_id = $1)");
const DELETE: &str = "delete from control.issuer where url = $1 returning id, account_id";

impl Control {
    pub async fn create_issuer(&self, by: By, new: &NewIssuer<'_>) -> Result<Issuer> {
        let NewIssuer { url, jwks_url, account } = new;
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        let id = IssuerId::new(Time::of_machine());
        let issuer: Issuer = tx.one(CREATE, &[&id, url, jwks_url, account]).await?;
        let detail = json!({ "url": url, "jwks_url": jwks_url });
        let event = "prefect-cloud.issuer.created";
        audit::write(&tx, by, Change { event, account: *account, workspace: None, resource: id.0, detail: &detail })
            .await?;
        tx.commit().await?;
        Ok(issuer)
    }

    /// All issuers, for the operator and for whoever verifies tokens.
    pub async fn list_issuers(&self) -> Result<Vec<Issuer>> {
        self.0.db.client().await?.all(LIST, &[]).await
    }

    /// Those that an account may use.
    pub async fn issuers_of(&self, account: AccountId, limit: i64, offset: i64) -> Result<Vec<Issuer>> {
        self.0.db.client().await?.all(USABLE, &[&account, &limit, &offset]).await
    }

    /// Takes an issuer away, with everything that its tokens stood for. Whether there was one.
    pub async fn delete_issuer(&self, by: By, url: &str) -> Result<bool> {
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        let Some((id, account)): Option<(IssuerId, Option<AccountId>)> = tx.opt(DELETE, &[&url]).await? else {
            return Ok(false);
        };
        let detail = json!({ "url": url });
        let event = "prefect-cloud.issuer.deleted";
        audit::write(&tx, by, Change { event, account, workspace: None, resource: id.0, detail: &detail }).await?;
        tx.commit().await?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::tests::reads;

    #[test]
    fn the_queries_select_what_the_rows_read() {
        reads::<Issuer>(LIST);
        reads::<Issuer>(FIND);
    }
}

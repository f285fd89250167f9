//! Accounts: who pays, who has members and workspaces.

use domain::AccountId;
use serde_json::json;
use wire::{RawObject, Time};

use super::Control;
use super::audit::{self, By, Change};
use crate::Result;

#[derive(Clone, Debug)]
pub struct Account {
    pub id: AccountId,
    pub created: Time,
    pub updated: Time,
    pub handle: String,
    pub name: String,
    pub location: Option<String>,
    pub link: Option<String>,
    /// Its own; `None` is the installation's default.
    pub plan: Option<String>,
    /// What was set of the account's settings; what was not has the program's default.
    pub settings: RawObject,
}

crate::row! { Account: id "a.id", created "a.created", updated "a.updated", handle "a.handle", name "a.name",
location "a.location", link "a.link", plan "a.plan", settings "a.settings" }

#[derive(Clone, Debug)]
pub struct NewAccount<'a> {
    /// Checked by the caller with `domain::access::is_handle`.
    pub handle: &'a str,
    pub name: &'a str,
}

/// Absent fields stay; of the settings, those named are replaced.
#[derive(Clone, Debug, Default)]
pub struct AccountPatch {
    pub handle: Option<String>,
    pub name: Option<String>,
    pub location: Option<String>,
    pub link: Option<String>,
    pub settings: Option<RawObject>,
}

macro_rules! account {
    ($rest:literal) => {
        concat!(
            "select a.id, a.created, a.updated, a.handle, a.name, a.location, a.link, a.plan, a.settings
    from control.account a ",
            $rest
        )
    };
}

const CREATE: &str = "insert into control.account (id, handle, name) values ($1, $2, $3)";
const READ: &str = account!("where a.id = $1");
const BY_HANDLE: &str = account!("where a.handle = $1");
const LIST: &str = account!("order by a.handle");
const UPDATE: &str = "update control.account set updated = clock_timestamp(),
        handle = coalesce($2, handle), name = coalesce($3, name), location = coalesce($4, location),
        link = coalesce($5, link), settings = settings || coalesce($6::jsonb, '{}')
    where id = $1";

impl Control {
    pub async fn create_account(&self, by: By, new: &NewAccount<'_>) -> Result<Account> {
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        let id = AccountId::new(Time::of_machine());
        tx.run(CREATE, &[&id, &new.handle, &new.name]).await?;
        let account: Account = tx.one(READ, &[&id]).await?;
        let change = Change {
            event: "prefect-cloud.account.created",
            account: Some(id),
            workspace: None,
            resource: id.0,
            detail: &json!({ "handle": new.handle, "name": new.name }),
        };
        audit::write(&tx, by, change).await?;
        tx.commit().await?;
        Ok(account)
    }

    pub async fn read_account(&self, id: AccountId) -> Result<Option<Account>> {
        self.0.db.client().await?.opt(READ, &[&id]).await
    }

    pub async fn account_by_handle(&self, handle: &str) -> Result<Option<Account>> {
        self.0.db.client().await?.opt(BY_HANDLE, &[&handle]).await
    }

    /// All accounts by handle, for the admin shell.
    pub async fn list_accounts(&self) -> Result<Vec<Account>> {
        self.0.db.client().await?.all(LIST, &[]).await
    }

    /// Whether there was such an account.
    pub async fn update_account(&self, by: By, id: AccountId, patch: &AccountPatch) -> Result<bool> {
        let AccountPatch { handle, name, location, link, settings } = patch;
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        if tx.run(UPDATE, &[&id, handle, name, location, link, settings]).await? == 0 {
            return Ok(false);
        }
        let event = match settings {
            Some(_) => "prefect-cloud.account-settings.updated",
            None => "prefect-cloud.account.updated",
        };
        let detail =
            json!({ "handle": handle, "name": name, "location": location, "link": link, "settings": settings });
        let change = Change { event, account: Some(id), workspace: None, resource: id.0, detail: &detail };
        audit::write(&tx, by, change).await?;
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
        reads::<Account>(READ);
    }
}

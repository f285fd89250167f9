//! Lets a socket in that says its key in a message, and asks of an open one whether its key still counts.

use super::authenticate::{enter, enter_from, key_of_pair};
use super::authorise::permit;
use crate::App;
use crate::kit::{Call, Caller, ClientAddress, Need, Reply, Secret, Tenant};

/// A caller who was let in, with what it takes to ask again.
#[derive(Clone)]
pub struct Admission {
    app: App,
    key: Secret,
    tenant: Tenant,
    need: Need,
    pub caller: Caller,
}

/// Admits a token, `key` or `user:key`, from somewhere to what the address names.
pub async fn admit(app: &App, client: ClientAddress, token: &str, tenant: Tenant, need: Need) -> Reply<Admission> {
    let key = Secret(key_of_pair(token).to_owned());
    let caller = permit(need, enter_from(app, client, &key.0, tenant).await?)?;
    Ok(Admission { app: app.clone(), key, tenant, need, caller })
}

impl Admission {
    /// What all admissions have in common that end together.
    pub fn likeness(&self) -> (String, String) {
        (self.key.0.clone(), format!("{:?} {:?}", self.tenant, self.need))
    }

    /// Of a request that was let in with a key.
    pub fn of(cx: &Call) -> Option<Self> {
        let (key, tenant) = (cx.key.clone()?, cx.address.tenant);
        Some(Self { app: cx.app.clone(), key, tenant, need: cx.op.need, caller: cx.caller.clone() })
    }

    /// Whether the caller would still be let in. A control database that is away refuses nobody who is in.
    pub async fn still_counts(&self) -> bool {
        match enter(&self.app, &self.key.0, self.tenant).await {
            Ok(entered) => permit(self.need, entered).is_ok(),
            Err(failure) => failure.status().is_server_error(),
        }
    }
}

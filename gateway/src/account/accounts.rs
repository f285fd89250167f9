//! An account and its settings.

use domain::AccountId;
use serde::Serialize;
use serde_json::{Map, Value};
use tenant_store::control::{Account, AccountPatch};
use wire::{Input, Output, RawJson, RawObject, Time};

use super::{Handle, Name, by, plan_type, shown};
use crate::kit::{Call, Failure, Json, JsonBody, NoContent, Op, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    GET "/" read() -> Json<AccountShown>,
        need Account(ReadAccount), lane Read, cost One, cache Never, touches [], audit Nothing;
    PATCH "/" update(JsonBody<AccountUpdate>) -> NoContent,
        need Account(UpdateAccount), lane Hot, cost One, cache Never, touches [Control],
        audit Event("prefect-cloud.account.updated");
    GET "/settings" settings() -> Json<AccountSettings>,
        need Account(ReadAccount), lane Read, cost One, cache Never, touches [], audit Nothing;
    PATCH "/settings" update_settings(JsonBody<SettingsUpdate>) -> NoContent,
        need Account(UpdateAccount), lane Hot, cost One, cache Never, touches [Control],
        audit Event("prefect-cloud.account-settings.updated");
];

/// An account. What only a hosted service knows (billing, single sign-on of its vendor) is null or empty.
#[derive(Debug, Serialize, Output)]
struct AccountShown {
    id: AccountId,
    created: Time,
    updated: Time,
    name: String,
    handle: String,
    location: Option<String>,
    link: Option<String>,
    image_location: (),
    stripe_customer_id: (),
    auth_expiration_seconds: Option<i64>,
    status: &'static str,
    status_last_updated: (),
    settings: AccountSettings,
    workos_connection_ids: Vec<String>,
    workos_directory_ids: Vec<String>,
    workos_organization_id: (),
    domain_names: Vec<String>,
    plan_type: String,
    plan_tier: i64,
    self_serve: bool,
    scim_state: (),
    sso_state: (),
    billing_email: (),
    features: Vec<String>,
    max_deployments_per_workspace: Option<i64>,
    work_pool_limit: Option<i64>,
    non_mex_work_pool_limit: Option<i64>,
    mex_work_pool_limit: i64,
    run_retention_days: Option<i64>,
    audit_log_retention_days: Option<i64>,
    automations_limit: Option<i64>,
}

/// The settings of an account.
#[derive(Debug, Serialize, Output)]
struct AccountSettings {
    allow_public_workspaces: bool,
    ai_log_summaries: bool,
    managed_execution: bool,
    enforce_ip_allowlist: bool,
    enforce_webhook_authentication: bool,
    self_healing_enabled: bool,
    enabled_feature_flags: Vec<String>,
    default_result_storage: Option<RawJson>,
}

#[derive(Debug, Input)]
struct AccountUpdate {
    name: Option<Name>,
    handle: Option<Handle>,
    location: Option<String>,
    link: Option<String>,
    settings: Option<SettingsUpdate>,
}

/// Changes settings; those that are absent stay.
#[derive(Debug, Input)]
struct SettingsUpdate {
    allow_public_workspaces: Option<bool>,
    ai_log_summaries: Option<bool>,
    managed_execution: Option<bool>,
    enforce_ip_allowlist: Option<bool>,
    enforce_webhook_authentication: Option<bool>,
    self_healing_enabled: Option<bool>,
    default_result_storage: Option<RawJson>,
}

impl SettingsUpdate {
    /// What is to be stored. A fence that nothing enforces is refused: to accept it would be to lie about it.
    fn stored(self) -> Reply<RawObject> {
        let Self {
            allow_public_workspaces,
            ai_log_summaries,
            managed_execution,
            enforce_ip_allowlist,
            enforce_webhook_authentication,
            self_healing_enabled,
            default_result_storage,
        } = self;
        if enforce_ip_allowlist == Some(true) {
            return Err(Failure::unprocessable("This server has no IP allow-list to enforce."));
        }
        let mut stored = Map::new();
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                stored.insert(name.to_owned(), value);
            }
        };
        set("allow_public_workspaces", allow_public_workspaces.map(Value::from));
        set("ai_log_summaries", ai_log_summaries.map(Value::from));
        set("managed_execution", managed_execution.map(Value::from));
        set("enforce_webhook_authentication", enforce_webhook_authentication.map(Value::from));
        set("self_healing_enabled", self_healing_enabled.map(Value::from));
        set("default_result_storage", default_result_storage.map(|json| json.to_value()));
        Ok(RawObject(RawJson::of(&stored)))
    }
}

impl AccountSettings {
    /// What was stored, and the defaults for the rest.
    fn of(stored: &RawObject) -> Self {
        let stored = stored.0.to_value();
        let on = |name: &str| stored[name].as_bool().unwrap_or(false);
        Self {
            allow_public_workspaces: on("allow_public_workspaces"),
            ai_log_summaries: on("ai_log_summaries"),
            managed_execution: on("managed_execution"),
            enforce_ip_allowlist: false,
            enforce_webhook_authentication: on("enforce_webhook_authentication"),
            self_healing_enabled: on("self_healing_enabled"),
            enabled_feature_flags: Vec::new(),
            default_result_storage: Some(&stored["default_result_storage"]).filter(|v| !v.is_null()).map(RawJson::of),
        }
    }
}

async fn account(cx: &Call) -> Reply<Account> {
    let account = cx.app.control().read_account(cx.account()?.account()).await?;
    account.ok_or_else(|| Failure::not_found("Account not found"))
}

async fn read(cx: Call) -> Reply<Json<AccountShown>> {
    let account = account(&cx).await?;
    Ok(Json(AccountShown {
        id: account.id,
        created: account.created,
        updated: account.updated,
        name: account.name,
        handle: account.handle,
        location: account.location,
        link: account.link,
        image_location: (),
        stripe_customer_id: (),
        auth_expiration_seconds: None,
        status: "ACTIVE",
        status_last_updated: (),
        settings: AccountSettings::of(&account.settings),
        workos_connection_ids: Vec::new(),
        workos_directory_ids: Vec::new(),
        workos_organization_id: (),
        domain_names: Vec::new(),
        plan_type: plan_type(&cx, account.plan.as_deref()),
        plan_tier: 0,
        self_serve: false,
        scim_state: (),
        sso_state: (),
        billing_email: (),
        features: Vec::new(),
        max_deployments_per_workspace: None,
        work_pool_limit: None,
        non_mex_work_pool_limit: None,
        mex_work_pool_limit: 0,
        run_retention_days: None,
        audit_log_retention_days: None,
        automations_limit: None,
    }))
}

async fn update(cx: Call, body: JsonBody<AccountUpdate>) -> Reply<NoContent> {
    let AccountUpdate { name, handle, location, link, settings } = body.0;
    let settings = settings.map(SettingsUpdate::stored).transpose()?;
    let (name, handle) = (name.map(|name| name.0), handle.map(|handle| handle.0));
    change(cx, AccountPatch { handle, name, location, link, settings }).await
}

async fn settings(cx: Call) -> Reply<Json<AccountSettings>> {
    Ok(Json(AccountSettings::of(&account(&cx).await?.settings)))
}

async fn update_settings(cx: Call, body: JsonBody<SettingsUpdate>) -> Reply<NoContent> {
    let settings = Some(body.0.stored()?);
    change(cx, AccountPatch { settings, ..AccountPatch::default() }).await
}

async fn change(cx: Call, patch: AccountPatch) -> Reply<NoContent> {
    let id = cx.account()?.account();
    match cx.app.control().update_account(by(&cx)?, id, &patch).await.map_err(shown)? {
        true => Ok(NoContent),
        false => Err(Failure::not_found("Account not found")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_have_defaults_and_every_key() {
        let stored = RawObject(RawJson::of(&json!({ "managed_execution": true, "of_a_newer_program": 1 })));
        let shown = serde_json::to_value(AccountSettings::of(&stored)).unwrap_or_default();
        assert_eq!(shown["managed_execution"], true);
        assert_eq!(shown["enforce_ip_allowlist"], false);
        assert_eq!(shown["default_result_storage"], Value::Null);
        assert_eq!(shown.as_object().map(Map::len), Some(8));
    }
}

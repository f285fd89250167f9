//! Tokens of an OIDC issuer in place of keys, signed with real keys by an issuer on this machine.

mod addresses;
mod forged;
mod https;
mod identities;
mod keys;
mod ways;

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use tests::{Account, Api, Bot, Issuer, IssuerKey, Server, Tenant};

/// A workspace, a service account that may work in it, and an issuer whose tokens stand for it.
struct Ground {
    issuer: Issuer,
    key: IssuerKey,
    tenant: Tenant,
    bot: Bot,
    identity: String,
}

impl Ground {
    /// On the server that these tests share.
    fn fresh() -> Ground {
        Ground::on(Server::shared())
    }

    fn on(server: &Server) -> Ground {
        Ground::with(server, Algorithm::ES256)
    }

    fn with(server: &Server, algorithm: Algorithm) -> Ground {
        let issuer = Issuer::start();
        let key = issuer.key(algorithm);
        server.admin(&["issuers", "create", issuer.url()]);
        let tenant = Account::create(server).workspace();
        let bot = tenant.bot("Developer");
        let identity = identity(&tenant.account, &issuer, &bot, json!({}));
        Ground { issuer, key, tenant, bot, identity }
    }

    fn token(&self, more: Value) -> String {
        self.issuer.token(&self.key, more)
    }

    /// The workspace as whoever has this token enters it.
    fn api(&self, token: &str) -> Api {
        self.tenant.api().with_key(Some(token))
    }

    #[track_caller]
    fn refused(&self, what: &str, token: &str) {
        let answer = self.api(token).get("/");
        assert_eq!(answer.status, 401, "{what}: {}", answer.body);
        assert_eq!(answer.body, json!({ "detail": "Invalid authentication credentials" }), "{what}");
    }
}

/// An identity for `sub: ci` of audience `prefecture`, unless `more` says otherwise.
fn identity(account: &Account, issuer: &Issuer, bot: &Bot, more: Value) -> String {
    let made = account.api().post("/identities/", &wanted(issuer, bot, more)).expect(201);
    made["id"].as_str().expect("an id is text").to_owned()
}

fn wanted(issuer: &Issuer, bot: &Bot, more: Value) -> Value {
    let name = uuid::Uuid::new_v4().to_string();
    let mut wanted = json!({
        "name": name, "issuer": issuer.url(), "audience": "prefecture", "claims": { "sub": "ci" }, "bot_id": bot.id
    });
    for (field, value) in more.as_object().expect("a test gives an object") {
        wanted[field] = value.clone();
    }
    wanted
}

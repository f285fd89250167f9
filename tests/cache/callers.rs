//! A kept answer is its tenant's, and of those alone who may see it.

use serde_json::json;
use tests::{Account, Tenant};

use crate::{get, id, kept};

crate::on_every_back_end! {
    fn tenants_have_answers_of_their_own(server) {
        let [a, b] = [Tenant::on(server).api(), Tenant::on(server).api()];
        let of_a = a.post("/flows/", &json!({"name": "same"})).expect(201);
        let of_b = b.post("/flows/", &json!({"name": "same"})).expect(201);
        assert_ne!(of_a["id"], of_b["id"]);
        for _ in 0..3 {
            assert_eq!(get(&a, "/flows/name/same").0.body["id"], of_a["id"]);
            assert_eq!(get(&b, "/flows/name/same").0.body["id"], of_b["id"]);
        }
        b.patch(&format!("/flows/{}", id(&of_b)), &json!({"tags": ["b"]})).expect(204);
        assert_eq!(kept(&a, "/flows/name/same").body["tags"], json!([]), "another tenant's write ends no answer of ours");
    }

    fn who_may_not_see_it_is_refused_though_it_is_kept(server) {
        let tenant = Tenant::on(server);
        let api = tenant.api();
        api.post("/flows/", &json!({"name": "f"})).expect(201);
        kept(&api, "/flows/name/f");
        let stranger = Account::create(server);
        assert_eq!(api.with_key(Some(&stranger.key)).get("/flows/name/f").status, 404);
        assert_eq!(api.with_key(Some("pnu_nobody")).get("/flows/name/f").status, 401);
        assert_eq!(api.with_key(None).get("/flows/name/f").status, 401);
        let outside = tenant.account.bot();
        assert_eq!(api.with_key(Some(&outside.key)).get("/flows/name/f").status, 404);
        let viewer = tenant.bot("Viewer");
        assert_eq!(api.with_key(Some(&viewer.key)).get("/flows/name/f").status, 200);
    }

    fn each_key_is_told_what_it_is(server) {
        let tenant = Tenant::on(server);
        let root = server.api();
        let bots = [tenant.bot("Viewer"), tenant.bot("Runner")];
        for _ in 0..3 {
            for bot in &bots {
                let me = get(&root.with_key(Some(&bot.key)), "/api/me/").0;
                assert_eq!(me.body["handle"], bot.name.as_str());
            }
        }
    }
}

//! What was written is what the next GET shows, whichever operation wrote it.

use serde_json::json;
use tests::{Account, Api, Tenant};

use crate::{get, id, kept};

crate::on_every_back_end! {
    fn every_write_of_a_flow_ends_its_answers(server) {
        let api = Tenant::on(server).api();
        let flow = api.post("/flows/", &json!({"name": "f"})).expect(201);
        let (by_id, by_name) = (format!("/flows/{}", id(&flow)), "/flows/name/f");
        for round in 0..5 {
            kept(&api, &by_id);
            kept(&api, by_name);
            let tags = json!([format!("round {round}")]);
            api.patch(&by_id, &json!({ "tags": tags })).expect(204);
            assert_eq!(get(&api, &by_id).0.body["tags"], tags);
            assert_eq!(get(&api, by_name).0.body["tags"], tags);
        }
        kept(&api, &by_id);
        api.delete(&by_id).expect(204);
        assert_eq!(api.get(&by_id).status, 404);
        assert_eq!(api.get(by_name).status, 404);

        let flow = api.post("/flows/", &json!({"name": "f"})).expect(201);
        assert_eq!(id(&kept(&api, by_name).body), id(&flow));
        api.post("/flows/bulk_delete", &json!({"flows": {"name": {"any_": ["f"]}}})).expect(200);
        assert_eq!(api.get(by_name).status, 404);
    }

    fn every_write_of_a_variable_ends_its_answers(server) {
        let api = Tenant::on(server).api();
        let variable = api.post("/variables/", &json!({"name": "v", "value": 0})).expect(201);
        let (by_id, by_name) = (format!("/variables/{}", id(&variable)), "/variables/name/v");
        let shows = |value: i32| {
            for path in [by_id.as_str(), by_name] {
                assert_eq!(get(&api, path).0.body["value"], value);
                kept(&api, path);
            }
        };
        shows(0);
        api.patch(&by_id, &json!({"value": 1})).expect(204);
        shows(1);
        api.patch(by_name, &json!({"value": 2})).expect(204);
        shows(2);
        api.put(by_name, &json!({"value": 3})).expect(200);
        shows(3);
        api.patch(by_name, &json!({"name": "w"})).expect(204);
        assert_eq!(api.get(by_name).status, 404);
        api.delete(&by_id).expect(204);
        assert_eq!(api.get("/variables/name/w").status, 404);
        assert_eq!(api.get(&by_id).status, 404);
    }

    fn every_write_of_a_saved_search_ends_its_answers(server) {
        let api = Tenant::on(server).api();
        let search = api.put("/saved_searches/", &json!({"name": "s"})).expect(201);
        let path = format!("/saved_searches/{}", id(&search));
        kept(&api, &path);
        let filters = json!([{"object": "a", "property": "b", "type": "c", "operation": "d", "value": 1}]);
        api.put("/saved_searches/", &json!({"name": "s", "filters": filters})).expect(200);
        assert_eq!(get(&api, &path).0.body["filters"], filters);
        kept(&api, &path);
        api.delete(&path).expect(204);
        assert_eq!(api.get(&path).status, 404);
    }

    fn creating_what_is_there_ends_no_answer(server) {
        let api = Tenant::on(server).api();
        api.post("/flows/", &json!({"name": "f"})).expect(201);
        kept(&api, "/flows/name/f");
        api.post("/flows/", &json!({"name": "f"})).expect(200);
        assert!(get(&api, "/flows/name/f").1.ends_with("; hit"));
    }

    fn runs_and_logs_end_no_answer(server) {
        let api = Tenant::on(server).api();
        let flow = api.post("/flows/", &json!({"name": "f"})).expect(201);
        kept(&api, "/flows/name/f");
        let run = api.post("/flow_runs/", &json!({"flow_id": flow["id"], "state": {"type": "PENDING"}})).expect(201);
        let path = format!("/flow_runs/{}", id(&run));
        api.post(&format!("{path}/set_state"), &json!({"state": {"type": "RUNNING"}})).expect(201);
        api.post(
            "/logs/",
            &json!([{"name": "n", "level": 20, "message": "m", "timestamp": "2030-01-01T00:00:00Z", "flow_run_id": run["id"]}]),
        )
        .expect(201);
        assert!(get(&api, "/flows/name/f").1.ends_with("; hit"));
    }

    fn a_write_that_is_refused_changes_nothing_and_blocks_nothing(server) {
        let api = Tenant::on(server).api();
        let flow = api.post("/flows/", &json!({"name": "f", "tags": ["a"]})).expect(201);
        let missing = uuid::Uuid::new_v4();
        api.patch(&format!("/flows/{missing}"), &json!({"tags": ["b"]})).expect(404);
        assert_eq!(kept(&api, &format!("/flows/{}", id(&flow))).body["tags"], json!(["a"]));
    }

    fn the_workspaces_settings(server) {
        let api = Tenant::on(server).api();
        let before = kept(&api, "/admin/storage").body;
        api.delete("/admin/storage").expect(204);
        let (after, status) = get(&api, "/admin/storage");
        assert_eq!((after.body, status.as_str()), (before, "Prefecture; fwd=miss; stored"), "it was read anew");
    }

    /// Of the control plane: an answer is kept for a second, and ends with the write.
    fn accounts_workspaces_and_what_a_key_opens(server) {
        let account = Account::create(server);
        let root = server.api().with_key(Some(&account.key));
        let handles = |api: &Api| {
            let list = get(api, "/api/me/workspaces").0.body;
            let list = list.as_array().expect("a list").clone();
            list.iter().map(|workspace| workspace["workspace_handle"].as_str().expect("a handle").to_owned()).collect::<Vec<_>>()
        };
        kept(&root, "/api/me/workspaces");
        let workspace = account.workspace();
        assert_eq!(handles(&root), [workspace.handle.as_str()]);
        kept(&root, "/api/me/workspaces");
        kept(&workspace.api(), "/");
        workspace.api().patch("/", &json!({"handle": "renamed"})).expect(204);
        assert_eq!(handles(&root), ["renamed"]);
        assert_eq!(get(&workspace.api(), "/").0.body["handle"], "renamed");

        let bot = account.bot();
        let as_bot = root.with_key(Some(&bot.key));
        kept(&as_bot, "/api/me/workspaces");
        assert!(handles(&as_bot).is_empty());
        let grant = json!({"bot_id": bot.id, "workspace_role_id": account.workspace_role("Viewer")});
        let access = workspace.api().post("/bot_access/", &grant).expect(200);
        assert_eq!(handles(&as_bot), ["renamed"]);
        kept(&as_bot, "/api/me/workspaces");
        workspace.api().delete(&format!("/bot_access/{}", id(&access))).expect(204);
        assert!(handles(&as_bot).is_empty());
        workspace.api().delete("/").expect(204);
        assert!(handles(&root).is_empty());
    }
}

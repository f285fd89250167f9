//! What an answer says of itself, and 304.

use serde_json::json;
use tests::Tenant;

use crate::{again, get, id, kept};

crate::on_every_back_end! {
    fn a_kept_answer_says_so_and_is_the_same(server) {
        let api = Tenant::on(server).api();
        let flow = api.post("/flows/", &json!({"name": "f", "tags": ["a"]})).expect(201);
        let path = format!("/flows/{}", id(&flow));
        let (first, status) = get(&api, &path);
        assert_eq!(status, "Prefecture; fwd=miss; stored");
        let kept = kept(&api, &path);
        assert_eq!(kept.bytes, first.bytes);
        for name in ["content-type", "etag", "cache-control", "vary"] {
            assert_eq!(kept.header(name), first.header(name), "{name}");
        }
        assert_eq!(kept.header("content-type"), Some("application/json"));
        assert_eq!(kept.header("cache-control"), Some("private, no-cache"));
        let vary = kept.header("vary").expect("it varies").to_lowercase();
        assert!(vary.contains("authorization") && vary.contains("accept-encoding"), "{vary}");
        assert!(kept.header("etag").expect("a tag").starts_with("W/\""));
    }

    fn who_has_it_is_told_so_without_a_body(server) {
        let api = Tenant::on(server).api();
        let flow = api.post("/flows/", &json!({"name": "f"})).expect(201);
        let path = format!("/flows/{}", id(&flow));
        let tag = get(&api, &path).0.header("etag").expect("a tag").to_owned();
        for said in [tag.clone(), tag.trim_start_matches("W/").to_owned(), format!("\"x\", {tag}"), "*".to_owned()] {
            let answer = again(&api, &path, &said);
            assert_eq!((answer.status, answer.bytes.len()), (304, 0), "{said}");
            assert_eq!(answer.header("etag"), Some(tag.as_str()));
            assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
        }
        assert_eq!(again(&api, &path, "\"x\"").status, 200);
        api.patch(&path, &json!({"tags": ["new"]})).expect(204);
        let news = again(&api, &path, &tag);
        assert_eq!((news.status, &news.body["tags"]), (200, &json!(["new"])));
        assert_ne!(news.header("etag"), Some(tag.as_str()));
    }

    fn a_run_is_read_anew_and_304_until_it_changes(server) {
        let api = Tenant::on(server).api();
        let flow = api.post("/flows/", &json!({"name": "f"})).expect(201);
        let run = api.post("/flow_runs/", &json!({"flow_id": flow["id"], "state": {"type": "PENDING"}})).expect(201);
        let path = format!("/flow_runs/{}", id(&run));
        let task = json!({"flow_run_id": run["id"], "task_key": "t", "dynamic_key": "0"});
        let task = api.post("/task_runs/", &task).expect(201);
        let task_path = format!("/task_runs/{}", id(&task));
        let set = |path: &str, state: &str| {
            api.post(&format!("{path}/set_state"), &json!({"state": {"type": state}, "force": true})).expect(201)
        };
        for path in [&path, &task_path] {
            let mut tag = get(&api, path).0.header("etag").expect("a tag").to_owned();
            let mut changed = |what: &str| {
                assert_eq!(again(&api, path, &tag).status, 200, "{path}: {what}");
                let (answer, status) = get(&api, path);
                assert_eq!(status, "Prefecture; fwd=bypass");
                tag = answer.header("etag").expect("a tag").to_owned();
                let same = again(&api, path, &tag);
                assert_eq!((same.status, same.bytes.len()), (304, 0), "{path}: {what}");
            };
            set(path, "RUNNING");
            changed("its state");
            set(path, "COMPLETED");
            changed("its state again");
            api.patch(path, &json!({"name": "another"})).expect(204);
            changed("its name");
        }
        let labelled = api.patch(&format!("{path}/labels"), &json!({"a": "b"}));
        assert_eq!(labelled.status, 204);
        assert_eq!(get(&api, &path).0.body["labels"]["a"], "b");
    }

    fn what_is_not_there_is_not_kept(server) {
        let api = Tenant::on(server).api();
        assert_eq!(api.get("/flows/name/f").status, 404);
        let flow = api.post("/flows/", &json!({"name": "f"})).expect(201);
        assert_eq!(get(&api, "/flows/name/f").0.body["id"], flow["id"]);
    }

    fn a_version_that_is_refused_is_refused_for_a_kept_answer_too(server) {
        let api = Tenant::on(server).api();
        api.post("/flows/", &json!({"name": "f"})).expect(201);
        kept(&api, "/flows/name/f");
        let answer = api.request("GET", "/flows/name/f", &[("x-prefect-api-version", "0.7.0")], None);
        assert_eq!(answer.status, 400);
    }
}

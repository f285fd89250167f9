//! `/api/users/{id}` and a user's keys.

use super::{account, names, root, soon, text, user};
use serde_json::json;

#[test]
fn a_key_is_shown_once_and_dies_within_a_second() {
    let account = account();
    let (user, key) = user(&account, "member");
    let api = root(&key);
    let keys = format!("/users/{}/api_keys", text(&user["id"]));
    let made = api.post(&keys, &json!({ "name": "laptop", "expiration": "2099-01-01T00:00:00Z" })).expect(201);
    let secret = text(&made["key"]);
    assert!(
        secret.starts_with("pnu_") && made["expiration"] == "2099-01-01T00:00:00Z" && made.get("masked_key").is_none()
    );

    let one = format!("{keys}/{}", text(&made["id"]));
    let listed = api.get(&format!("{keys}?name=laptop")).expect(200);
    for shown in [&listed[0], &api.get(&one).expect(200)] {
        assert!(shown.get("key").is_none() && text(&shown["masked_key"]).ends_with(&secret[36..]), "{shown}");
    }
    assert_eq!(names(&api.get("/me/api_keys").expect(200), "name").len(), 2);
    let filter = json!({ "api_keys": { "name": { "any_": ["laptop"] } } });
    assert_eq!(names(&api.post("/me/api_keys/filter", &filter).expect(200), "name"), ["laptop"]);

    root(&secret).get("/me").expect(200);
    api.delete(&one).expect(204);
    api.get(&one).expect(404);
    api.delete(&one).expect(404);
    soon("the key is refused", 401, || root(&secret).get("/me"));
}

#[test]
fn a_key_ends_when_it_expires() {
    let account = account();
    let (user, key) = user(&account, "member");
    let body = json!({ "name": "past", "expiration": "2020-01-01T00:00:00Z" });
    let made = root(&key).post(&format!("/users/{}/api_keys", text(&user["id"])), &body).expect(201);
    root(&text(&made["key"])).get("/me").expect(401);
}

#[test]
fn nobody_elses_key_sees_a_user() {
    let account = account();
    let (user, key) = user(&account, "member");
    let path = format!("/users/{}", text(&user["id"]));
    root(&key).get(&path).expect(200);
    let other = root(&account.key);
    for answer in [
        other.get(&path),
        other.patch(&path, &json!({ "first_name": "x" })),
        other.delete(&path),
        other.post(&format!("{path}/api_keys"), &json!({ "name": "x" })),
        other.get(&format!("{path}/api_keys")),
    ] {
        assert_eq!((answer.status, answer.body), (404, json!({ "detail": "User not found" })));
    }
}

#[test]
fn a_user_changes_their_own_record() {
    let account = account();
    let (user, key) = user(&account, "member");
    let (api, path) = (root(&key), format!("/users/{}", text(&user["id"])));
    let change = json!({ "first_name": "Ada", "settings": { "theme": "dark" }, "last_login": "2026-01-01T00:00:00Z" });
    api.patch(&path, &change).expect(204);
    let read = api.get(&path).expect(200);
    assert_eq!((&read["first_name"], &read["settings"]["theme"]), (&json!("Ada"), &json!("dark")));
    assert_eq!(read["last_login"], "2026-01-01T00:00:00Z");
    api.patch(&path, &json!({ "handle": "Not A Handle" })).expect(422);
    let taken = api.patch(&path, &json!({ "handle": format!("{}-owner", account.handle) })).expect(409);
    assert_eq!(taken["detail"], "A user with this handle already exists.");
    api.delete(&path).expect(204);
    soon("the user's key is refused", 401, || api.get(&path));
}

//! `prefecture dev`.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use tests::{Dev, Folder, eventually, program};

#[test]
fn a_second_start_serves_the_same_data_with_the_same_key() {
    let folder = Folder::new("dev");
    let mut first = Dev::start(&folder);
    let account = format!("{}/api/accounts/{}", first.field("root_url"), first.field("account_id"));
    assert_eq!(first.field("cloud_api_url"), format!("{}/api", first.field("root_url")));
    assert_eq!(first.field("api_url"), format!("{account}/workspaces/{}", first.field("workspace_id")));
    let (key, workspace) = (first.field("api_key").to_owned(), first.field("workspace_id").to_owned());
    let flow = first.api().post("/flows/", &json!({"name": "kept"})).expect(201);
    assert!(first.stop().success());

    let begun = Instant::now();
    let second = Dev::start(&folder);
    let took = begun.elapsed();
    assert_eq!((second.field("api_key"), second.field("workspace_id")), (key.as_str(), workspace.as_str()));
    let found = second.api().get("/flows/name/kept").expect(200);
    assert_eq!(found["id"], flow["id"]);
    assert!(took < Duration::from_secs(3), "a start on an existing folder took {took:?}");
}

#[test]
fn what_it_prints_is_one_screen_and_says_what_to_export() {
    let folder = Folder::new("dev");
    let dev = Dev::start(&folder);
    let printed = eventually("it prints the key", || {
        Some(dev.log()).filter(|log| log.contains(dev.field("api_key"))).ok_or("no")
    });
    for line in ["export PREFECT_API_URL=", "export PREFECT_CLOUD_API_URL=", "export PREFECT_API_KEY="] {
        assert!(printed.contains(line), "{line} is missing:\n{printed}");
    }
    assert!(printed.lines().count() <= 24, "more than a screen:\n{printed}");
}

/// A warning at the end would say that something is wrong where nothing is.
#[test]
fn stopped_it_ends_in_peace() {
    let folder = Folder::new("dev");
    let mut dev = Dev::start(&folder);
    dev.api().post("/flows/", &json!({"name": "kept"})).expect(201);
    assert!(dev.stop().success());
    let said = dev.log();
    assert!(said.contains("stopping") && !said.contains("WARN") && !said.contains("ERROR"), "{said}");
}

#[test]
fn its_file_is_for_its_owner_alone() {
    let folder = Folder::new("dev");
    let _dev = Dev::start(&folder);
    let mode = std::fs::metadata(folder.path().join("data/dev.json")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it holds a key");
}

#[test]
fn killed_it_leaves_a_database_that_the_next_start_takes_over() {
    let folder = Folder::new("dev");
    let first = Dev::start(&folder);
    let postgres = first.postgres();
    first.api().post("/flows/", &json!({"name": "kept"})).expect(201);
    first.kill9();
    let second = Dev::start(&folder);
    assert_eq!(second.postgres(), postgres, "the one that was left running");
    second.api().get("/flows/name/kept").expect(200);
}

#[test]
fn its_database_killed_it_serves_again_and_has_lost_nothing() {
    let folder = Folder::new("dev");
    let dev = Dev::start(&folder);
    dev.api().post("/flows/", &json!({"name": "kept"})).expect(201);
    let killed = Command::new("sh").args(["-c", &format!("kill -9 {}", dev.postgres())]).status().expect("sh runs");
    assert!(killed.success());
    eventually("the flow is found again", || {
        let answer = dev.api().try_request("GET", "/flows/name/kept", &[], None)?;
        match answer.status {
            200 => Ok(()),
            // Until then it says so, and never that the flow does not exist.
            503 => Err("503".to_owned()),
            other => panic!("{other}: {}", answer.body),
        }
    });
}

#[test]
fn a_folder_in_use_is_refused_with_the_cure() {
    let folder = Folder::new("dev");
    let _dev = Dev::start(&folder);
    let mut second = Command::new(program());
    second.arg("dev").arg("--data-dir").arg(folder.path().join("data")).args(["--listen", "127.0.0.1:0"]);
    let refused = second.output().expect("the program can be run");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("--data-dir"), "{said}");
}

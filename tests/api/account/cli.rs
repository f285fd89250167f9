//! The unmodified `prefect` command line against a cloud profile.

use tests::{Client, Output, Tenant};

use super::account;

/// A machine on which nothing is set but where the cloud is.
fn machine(tenant: &Tenant) -> Client {
    let client = Client::fresh();
    let cloud = format!("PREFECT_CLOUD_API_URL={}", tenant.cloud_api_url());
    client.prefect(&["config", "set", &cloud]).expect_success();
    client
}

/// What it said, on one line.
fn said(output: &Output) -> String {
    format!("{} {}", output.out, output.err).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn done(output: Output) -> String {
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}

#[test]
fn a_cloud_profile_logs_in_and_changes_workspace() {
    let account = account();
    let (one, two) = (account.workspace(), account.workspace());
    let machine = machine(&one);
    let address = |tenant: &Tenant| format!("{}/{}", account.handle, tenant.handle);

    let text = done(machine.prefect(&["cloud", "login", "-k", &account.key, "-w", &address(&one)]));
    assert!(text.contains(&format!("Authenticated with Prefect Cloud! Using workspace '{}'", address(&one))), "{text}");
    let text = done(machine.prefect(&["cloud", "workspace", "ls"]));
    assert!(text.contains(&format!("* {}", address(&one))) && text.contains(&address(&two)), "{text}");
    let text = done(machine.prefect(&["cloud", "workspace", "set", "--workspace", &address(&two)]));
    assert!(text.contains("Successfully set workspace"), "{text}");
    let text = done(machine.prefect(&["profile", "inspect"]));
    assert!(text.contains(&two.api_url()) && text.contains(&one.cloud_api_url()), "{text}");
    done(machine.prefect(&["profile", "create", "work", "--from", "ephemeral"]));
    let text = done(machine.prefect(&["profile", "use", "work"]));
    assert!(text.contains("Connected to Prefect Cloud using profile 'work'"), "{text}");

    // And what it was for: the workspace that was chosen.
    two.api().post("/flows/", &serde_json::json!({ "name": "here" })).expect(201);
    let text = done(machine.prefect(&["flow", "ls"]));
    assert!(text.contains("here"), "{text}");
    done(machine.prefect(&["cloud", "logout"]));
}

#[test]
fn refusals_say_what_is_wrong() {
    let account = account();
    let workspace = account.workspace();
    let machine = machine(&workspace);
    let login = |key: &str, workspace: &str| {
        let output = machine.prefect(&["cloud", "login", "-k", key, "-w", workspace]);
        assert!(!output.status.success(), "{}", said(&output));
        said(&output)
    };
    let text = login("pnu_000000000000000000000000000000000000", "a/b");
    assert!(text.contains("Unable to authenticate with Prefect Cloud"), "{text}");
    let text = login(&account.key, "no/such");
    assert!(text.contains("not found") && text.contains(&workspace.handle), "{text}");
}

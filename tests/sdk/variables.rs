//! Variables through the SDK, sync and async, and through `prefect variable …`.

use tests::{Client, Tenant};

const SCRIPT: &str = r#"
import asyncio
from prefect import flow
from prefect.variables import Variable

@flow
def reads_and_writes():
    assert Variable.get("sync") is None
    assert Variable.get("sync", default=7) == 7
    assert Variable.set("sync", {"a": [1, None]}, tags=["t"]).value == {"a": [1, None]}
    assert Variable.get("sync") == {"a": [1, None]}
    try:
        Variable.set("sync", 2)
    except ValueError:
        pass
    else:
        raise AssertionError("an existing variable was overwritten")
    Variable.set("sync", "two", overwrite=True)
    assert Variable.get("sync") == "two"
    assert Variable.unset("sync") and not Variable.unset("sync")
    assert Variable.get("sync") is None

async def asynchronously():
    await Variable.aset("later", 1.5)
    assert await Variable.aget("later") == 1.5
    await Variable.aset("later", True, overwrite=True)
    assert await Variable.aget("later") is True
    assert await Variable.aunset("later") and not await Variable.aunset("later")

reads_and_writes()
asyncio.run(asynchronously())
"#;

#[test]
fn variables_are_set_read_and_unset() {
    let tenant = Tenant::fresh();
    Client::of(&tenant).python(SCRIPT).expect_success();
    let left = tenant.api().get("/variables").expect(200);
    assert_eq!(left.as_array().map(Vec::len), Some(0), "{left}");
}

#[test]
fn variable_commands() {
    let tenant = Tenant::fresh();
    let client = Client::of(&tenant);
    let terminal = client.terminal();
    terminal.done(&["variable", "set", "greeting", "hello", "--tag", "t"]);
    terminal.refused(&["variable", "set", "greeting", "again"], "already exists");
    terminal.done(&["variable", "set", "greeting", "good day", "--overwrite"]);
    assert!(terminal.done(&["variable", "get", "greeting"]).contains("good day"));
    assert!(terminal.done(&["variable", "ls"]).contains("greeting"));
    assert!(terminal.done(&["variable", "inspect", "greeting"]).contains("good day"));
    assert_eq!(terminal.json(&["variable", "inspect", "greeting"])["value"], "good day");
    terminal.done(&["variable", "set", "numbers", "[1, null, 2.5]"]);
    let listed = terminal.json(&["variable", "ls"]);
    assert_eq!(listed.as_array().map(Vec::len), Some(2), "{listed}");
    assert_eq!(tenant.api().get("/variables/name/numbers").expect(200)["value"], serde_json::json!([1, null, 2.5]));
    terminal.done(&["variable", "delete", "numbers"]);
    terminal.done(&["variable", "unset", "greeting"]);
    terminal.refused(&["variable", "get", "greeting"], "not found");
    terminal.refused(&["variable", "unset", "greeting"], "not found");
    tenant.api().get("/variables/name/greeting").expect(404);
}

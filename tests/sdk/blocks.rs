//! Blocks through the SDK, and through `prefect block …`.

use serde_json::json;
use tests::{Client, Tenant};

const SCRIPT: &str = r#"
import asyncio
from pydantic import SecretStr
from prefect.blocks.core import Block
from prefect.blocks.system import Secret
from prefect.filesystems import LocalFileSystem

Secret(value="one").save("mine")
assert Secret.load("mine").get() == "one"
try:
    Secret(value="two").save("mine")
except ValueError:
    pass
else:
    raise AssertionError("an existing block was overwritten")
Secret(value={"deep": ["two", None]}).save("mine", overwrite=True)
assert Secret.load("mine").get() == {"deep": ["two", None]}

class Login(Block):
    """Who logs in."""
    user: str
    password: SecretStr

class Service(Block):
    """Where, and as whom."""
    url: str
    login: Login
    extra: dict = {}

login = Login(user="ada", password="engine-one")
login.save("ada")
Service(url="http://x", login=login).save("x")
Service(url="http://y", login=Login(user="grace", password="engine-three"), extra={"a": 1}).save("y")
x, y = Service.load("x"), Service.load("y")
assert (x.login.user, x.login.password.get_secret_value()) == ("ada", "engine-one")
assert (y.login.password.get_secret_value(), y.extra) == ("engine-three", {"a": 1})
y.url = "http://z"
y.save("y", overwrite=True)
assert Service.load("y").url == "http://z"
assert Service.load("y").login.password.get_secret_value() == "engine-three"
Login(user="ada", password="engine-two").save("ada", overwrite=True)
assert Service.load("x").login.password.get_secret_value() == "engine-two", "a block that is held changes where it is held"

async def asynchronously():
    await Secret(value="later").asave("later")
    assert (await Secret.aload("later")).get() == "later"
    await Secret.adelete("later")
    try:
        await Secret.aload("later")
    except ValueError:
        pass
    else:
        raise AssertionError("a deleted block was loaded")

asyncio.run(asynchronously())
"#;

const RESULTS: &str = r#"
import os
from prefect import flow, task, get_client
from prefect.filesystems import LocalFileSystem

folder = os.path.abspath("results")
storage = LocalFileSystem(basepath=folder)
block = storage.save("results")

@task(persist_result=True, cache_policy=None)
def one():
    return 1

@flow(result_storage="local-file-system/results", persist_result=True)
def named():
    return one()

@flow(persist_result=True)
def by_default():
    return one()

assert named() == 1
count = sum(len(files) for _, _, files in os.walk(folder))
assert count > 0, "results are where the block says"
with get_client(sync_client=True) as client:
    answer = client.request("PUT", "/admin/storage", json={"default_result_storage_block_id": str(block)})
    assert answer.status_code == 200, answer.text
assert by_default() == 1
assert sum(len(files) for _, _, files in os.walk(folder)) > count, "the workspace's default is the same block"
"#;

/// Saves, loads, nests and overwrites blocks with that client.
pub fn saves_and_loads(tenant: &Tenant, client: Client) {
    client.python(SCRIPT).expect_success();
    let service = tenant.api().get("/block_types/slug/service/block_documents/name/x?include_secrets=true").expect(200);
    assert_eq!(service["data"]["login"]["password"], "engine-two");
    assert_eq!(service["block_document_references"]["login"]["block_document"]["name"], "ada");
    let hidden = tenant.api().post("/block_documents/filter", &json!({ "block_documents": { "is_anonymous": null } }));
    for secret in ["engine-one", "engine-two", "engine-three"] {
        assert!(!hidden.body.to_string().contains(secret), "{secret} is shown");
    }
}

#[test]
fn blocks_are_saved_loaded_nested_and_overwritten() {
    let tenant = Tenant::fresh();
    saves_and_loads(&tenant, Client::of(&tenant));
}

#[test]
fn results_go_where_a_block_says() {
    let tenant = Tenant::fresh();
    let client = Client::of(&tenant);
    client.python(RESULTS).expect_success();
    let storage = tenant.api().get("/admin/storage").expect(200);
    assert!(storage["default_result_storage_block_id"].is_string(), "{storage}");
}

#[test]
fn block_commands() {
    let tenant = Tenant::fresh();
    let client = Client::of(&tenant);
    let terminal = client.terminal();
    client.python("from prefect.blocks.system import Secret\nSecret(value='s3cr3t').save('mine')").expect_success();
    let types = terminal.done(&["block", "type", "ls"]);
    assert!(types.contains("secret") && types.contains("slack-webhook"), "{types}");
    assert!(terminal.done(&["block", "type", "inspect", "secret"]).contains("secret"));
    assert!(terminal.done(&["block", "ls"]).contains("mine"));
    let inspected = terminal.done(&["block", "inspect", "secret/mine"]);
    assert!(inspected.contains("mine") && !inspected.contains("s3cr3t"), "{inspected}");

    assert_eq!(terminal.json(&["block", "inspect", "secret/mine"])["name"], "mine");
    let link = terminal.done(&["block", "create", "secret"]);
    assert!(link.contains("/blocks/catalog/secret/create"), "{link}");
    terminal.refused(&["block", "create", "none"], "not found");

    let file = client.home().path().join("my_blocks.py");
    let source =
        "from prefect.blocks.core import Block\nclass Thing(Block):\n    \"\"\"A thing.\"\"\"\n    size: int = 1\n";
    std::fs::write(&file, source).expect("the home can be written");
    let registered = terminal.done(&["block", "register", "--file", &file.display().to_string()]);
    assert!(registered.contains("Thing"), "{registered}");
    terminal.done(&["block", "register", "-m", "prefect.blocks.notifications"]);
    assert!(terminal.done(&["block", "type", "ls"]).contains("thing"));
    terminal.done(&["block", "type", "delete", "thing"]);
    terminal.refused(&["block", "type", "delete", "secret"], "protected");

    terminal.done(&["block", "delete", "secret/mine"]);
    terminal.refused(&["block", "inspect", "secret/mine"], "not found");
}

//! `prefect transfer` from one workspace to another, each a profile of the same home.

use serde_json::{Value, json};
use tests::{Api, Client, Tenant};

const PROFILES: &str = r#"
active = "from"

[profiles.from]
PREFECT_CLOUD_API_URL = "@CLOUD@"
PREFECT_API_URL = "@FROM@"
PREFECT_API_KEY = "@KEY@"

[profiles.to]
PREFECT_CLOUD_API_URL = "@CLOUD@"
PREFECT_API_URL = "@TO@"
PREFECT_API_KEY = "@KEY@"
"#;

/// One of everything that the command takes along. It leaves out without a word whatever belongs to what the target
/// has already: the documents of a block type that every workspace has, the deployments of a pool that is there.
const FILL: &str = r#"
from pathlib import Path
from prefect import flow
from prefect.blocks.core import Block
from pydantic import SecretStr
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.client.schemas.schedules import CronSchedule
from prefect.variables import Variable

class Login(Block):
    user: str
    password: SecretStr

class Service(Block):
    url: str
    login: Login

Variable.set("greeting", {"a": [1, None]}, tags=["t"])
login = Login(user="ada", password="s3cr3t")
login.save("ada")
Service(url="http://x", login=login).save("x")
Path("work.py").write_text('''
from prefect import flow

@flow
def work(n: int = 1):
    return n
''')
flow.from_source(source=str(Path.cwd()), entrypoint="work.py:work").deploy(
    name="here", work_pool_name="mine", work_queue_name="fast", tags=["d"], parameters={"n": 3}, version="7",
    description="does it", schedule=CronSchedule(cron="0 4 * * *", timezone="Europe/Berlin"), concurrency_limit=2,
    job_variables={"env": {"A": "1"}}, print_next_steps=False)
with get_client(sync_client=True) as client:
    client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name="db", limit=3, slot_decay_per_second=0.5))
"#;

/// What of an answer is the same wherever it is; ids and times are not.
fn kept(value: &Value, fields: &[&str]) -> Vec<Value> {
    fields.iter().map(|field| value[field].clone()).collect()
}

#[test]
fn a_workspace_is_transferred_to_another() {
    let (from, to) = (Tenant::fresh(), Tenant::fresh());
    let client = Client::fresh();
    let profiles = PROFILES.replace("@CLOUD@", &from.cloud_api_url()).replace("@KEY@", &from.key);
    client.write("profiles.toml", &profiles.replace("@FROM@", &from.api_url()).replace("@TO@", &to.api_url()));
    client.prefect(&["work-pool", "create", "mine", "--type", "process"]).expect_success();
    client.prefect(&["work-queue", "create", "fast", "--pool", "mine", "--limit", "4"]).expect_success();
    client.python(FILL).expect_success();

    let said = client.prefect(&["transfer", "--from", "from", "--to", "to"]).expect_success();
    assert!(said.contains("Transfer completed") && !said.contains("Failed"), "{said}");

    let (before, after) = (from.api(), to.api());
    let same = |path: &str, fields: &[&str]| {
        let at = |api: &Api| kept(&api.get(path).expect(200), fields);
        assert_eq!(at(&before), at(&after), "{path}");
    };
    same("/work_pools/mine", &["name", "type", "base_job_template", "concurrency_limit", "is_paused"]);
    same("/work_pools/mine/queues/fast", &["name", "concurrency_limit", "priority"]);
    same("/variables/name/greeting", &["name", "value", "tags"]);
    same("/v2/concurrency_limits/db", &["name", "limit", "active"]);
    let whole = "?include_secrets=true";
    same(&format!("/block_types/slug/login/block_documents/name/ada{whole}"), &["name", "data"]);
    same(&format!("/block_types/slug/service/block_documents/name/x{whole}"), &["name", "data"]);
    let fields = [
        "name",
        "version",
        "description",
        "tags",
        "parameters",
        "entrypoint",
        "pull_steps",
        "work_pool_name",
        "work_queue_name",
        "job_variables",
        "parameter_openapi_schema",
        "paused",
    ];
    same("/deployments/name/work/here", &fields);
    let schedules = |api: &Api| api.get("/deployments/name/work/here").expect(200)["schedules"].clone();
    assert_eq!(schedules(&after)[0]["schedule"], schedules(&before)[0]["schedule"]);
    assert_eq!(schedules(&after)[0]["active"], json!(true));

    // What is there already is left as it is.
    let again = client.prefect(&["transfer", "--from", "from", "--to", "to"]);
    let count = |path: &str| after.post(path, &json!({})).expect(200);
    assert_eq!((count("/deployments/count"), count("/variables/count")), (json!(1), json!(1)), "{}", again.out);
}

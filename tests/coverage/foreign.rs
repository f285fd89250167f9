//! What belongs to others is not there: another workspace, another account and objects of theirs are answered like those
//! that do not exist, byte for byte, and stay as they were.

use tests::operations::{Level, Need, World};
use tests::{Account, Answer, Tenant, truth};

use crate::ground::{Ground, blind, none, seen};

/// Tenants that no other test touches, so that what changes in them was changed here.
struct Others {
    /// Another workspace of my account.
    neighbour: Tenant,
    /// Of another account.
    stranger: Tenant,
}

impl Others {
    fn new(ground: &Ground) -> Others {
        Others { neighbour: ground.mine.account.workspace(), stranger: Account::create(ground.server).workspace() }
    }

    /// All their rows, and those of the stranger's account.
    fn everything(&self, ground: &Ground) -> Vec<String> {
        let mut sums = vec![truth::account_checksum(ground.server, &self.stranger.account.id)];
        for tenant in [&self.neighbour, &self.stranger] {
            let schema = truth::schema_of(ground.server, tenant);
            sums.push(format!("{:?}", truth::checksums(ground.server, &schema)));
        }
        sums
    }
}

/// A caller who does not belong, and where they knock.
struct Knock {
    what: &'static str,
    base: String,
    key: String,
}

#[test]
fn a_workspace_of_others_is_one_that_does_not_exist() {
    let ground = Ground::get();
    let root = format!("{}/api/accounts", ground.server.url());
    let others = Others::new(ground);
    let (mine, stranger) = (&ground.mine, &others.stranger);
    let neighbours = others.neighbour.bot("Owner").key;
    let ended = mine.account.workspace();
    ended.api().delete("/").expect(204);
    let knocks = [
        knock("a key of another workspace of the account", mine.api_url(), &neighbours),
        knock("a key of another account", mine.api_url(), &stranger.key),
        knock("my key in another account's workspace", stranger.api_url(), &mine.key),
        knock("another account's workspace below mine", below(&root, mine, stranger), &mine.key),
        knock("my workspace below another account", below(&root, stranger, mine), &mine.key),
        knock("my workspace below no account", format!("{root}/{}/workspaces/{}", id(), mine.workspace_id), &mine.key),
        knock("a workspace that was deleted", ended.api_url(), &mine.key),
    ];
    let nowhere = format!("{root}/{}/workspaces/{}", mine.account.id, id());
    none(same_as(ground, &others, Level::Workspace, &nowhere, &knocks));
}

#[test]
fn an_account_of_others_is_one_that_does_not_exist() {
    let ground = Ground::get();
    let root = format!("{}/api/accounts", ground.server.url());
    let others = Others::new(ground);
    let (mine, stranger) = (&ground.mine, &others.stranger);
    let knocks = [
        knock("a key of another account", format!("{root}/{}", mine.account.id), &stranger.key),
        knock("my key in another account", format!("{root}/{}", stranger.account.id), &mine.key),
    ];
    none(same_as(ground, &others, Level::Account, &format!("{root}/{}", id()), &knocks));
}

fn same_as(ground: &Ground, others: &Others, level: Level, nowhere: &str, knocks: &[Knock]) -> Vec<String> {
    let before = others.everything(ground);
    let mut findings = Vec::new();
    for operation in ground.guarded().filter(|operation| operation.level == level) {
        let Some(request) = ground.requests.find(operation) else { continue };
        // What the request names is really there, in the workspace that is knocked at.
        let filled = request.fill(&World::new(ground.server, &ground.mine));
        let absent = seen(&ground.ask(operation, nowhere, Some(&ground.mine.key), &filled));
        if absent.0 != 404 {
            findings.push(format!("{}: nowhere is answered {absent:?}", operation.name()));
        }
        for Knock { what, base, key } in knocks {
            let answer = seen(&ground.ask(operation, base, Some(key), &filled));
            if answer != absent {
                findings.push(format!("{}: {what} is answered {answer:?}, nowhere {absent:?}", operation.name()));
            }
        }
    }
    findings.extend((before != others.everything(ground)).then(|| "rows of others were changed".to_owned()));
    findings
}

/// In my own workspace, with my own key: ids of other workspaces' objects against ids that nobody has.
#[test]
fn an_object_of_others_is_one_that_does_not_exist() {
    let ground = Ground::get();
    let others = Others::new(ground);
    let mut attempts = Vec::new();
    for operation in ground.guarded() {
        let Some(request) = ground.requests.find(operation) else { continue };
        for (whose, tenant) in [("of a neighbour", &others.neighbour), ("of another account", &others.stranger)] {
            if whose == "of a neighbour" && operation.level != Level::Workspace {
                continue; // My key reaches it as well.
            }
            let theirs = World::new(ground.server, tenant);
            let absent = World::nowhere(ground.server, tenant);
            let (filled, unknown) = (request.fill(&theirs), request.fill(&absent));
            // What is the account's is mine too in a workspace of the same account.
            let shared = |word: &str| whose == "of a neighbour" && World::is_of_an_account(word);
            if !absent.ids().iter().all(|(word, _)| shared(word)) {
                attempts.push((operation, whose, (filled, theirs), (unknown, absent)));
            }
        }
    }
    // All of it exists by now.
    let before = others.everything(ground);
    let mut findings = Vec::new();
    for (operation, whose, (filled, theirs), (unknown, absent)) in &attempts {
        let base = ground.base(operation, &ground.mine);
        let foreign = told(&ground.ask(operation, &base, Some(&ground.mine.key), filled), theirs);
        let nobodys = told(&ground.ask(operation, &base, Some(&ground.mine.key), unknown), absent);
        if foreign != nobodys {
            let name = operation.name();
            findings.push(format!("{name}: {whose} {filled:?} is answered {foreign}, nobody's {nobodys}"));
        }
    }
    findings.extend((before != others.everything(ground)).then(|| "rows of others were changed".to_owned()));
    none(findings);
}

/// An answer in which what differs from question to question has one name, whatever it is: objects of a world may share
/// theirs.
fn told(answer: &Answer, world: &World<'_>) -> String {
    let mut text = String::from_utf8_lossy(&answer.bytes).into_owned();
    for (_, id) in world.ids() {
        text = text.replace(&id, "…");
    }
    let generated =
        [r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"];
    for pattern in generated {
        let pattern = regex::Regex::new(pattern).expect("a pattern of ours");
        text = pattern.replace_all(&text, "…").into_owned();
    }
    format!("{} {text}", answer.status)
}

#[test]
fn an_unknown_path_is_the_same_in_a_workspace_of_others() {
    let ground = Ground::get();
    let mine = seen(&ground.mine.api().get("/no_such_thing/"));
    assert_eq!(mine.0, 404);
    assert_eq!(mine, seen(&ground.stranger.api().with_key(Some(&ground.mine.key)).get("/no_such_thing/")));
    assert_eq!(mine, seen(&ground.stranger.api().with_key(None).get("/no_such_thing/")));
}

#[test]
fn an_open_operation_says_nothing_about_a_workspace() {
    let ground = Ground::get();
    let open = ground.operations.http().filter(|op| op.need == Need::Nothing && op.level != Level::Root);
    let tell = |answer: &Answer, tenant: &str| String::from_utf8_lossy(&answer.bytes).replace(tenant, "…");
    let mut findings = Vec::new();
    for operation in open {
        let nowhere = id();
        let base = |workspace: &str| {
            format!("{}/api/accounts/{}/workspaces/{workspace}", ground.server.url(), ground.mine.account.id)
        };
        let there = ground.ask(operation, &base(&ground.mine.workspace_id), None, &blind(operation));
        let absent = ground.ask(operation, &base(&nowhere), None, &blind(operation));
        let (there, absent) =
            ((there.status, tell(&there, &ground.mine.workspace_id)), (absent.status, tell(&absent, &nowhere)));
        if there != absent {
            findings.push(format!(
                "{}: {there:?} where there is a workspace, {absent:?} where there is none",
                operation.name()
            ));
        }
    }
    none(findings);
}

fn knock(what: &'static str, base: String, key: &str) -> Knock {
    Knock { what, base, key: key.to_owned() }
}

fn below(root: &str, account: &Tenant, workspace: &Tenant) -> String {
    format!("{root}/{}/workspaces/{}", account.account.id, workspace.workspace_id)
}

fn id() -> String {
    uuid::Uuid::new_v4().to_string()
}

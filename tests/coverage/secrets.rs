//! A key is shown once, to whom it was made for, and is in no log and no table after that.

use serde_json::json;
use tests::{Account, Api, Incoming, Server};

use crate::keys;

#[test]
fn a_key_is_in_no_log_and_no_table() {
    let server = Server::builder().env("PREFECTURE_LOG", "trace").env("PREFECTURE_ACCESS_LOG", "on").start();
    let account = Account::create(&server);
    let tenant = account.workspace();
    let bot = tenant.bot("Developer");
    let secrets = [account.key.clone(), bot.key.clone(), keys::unknown(), "pnu_no-key-at-all-but-a-secret".to_owned()];
    for key in &secrets {
        let api = tenant.api().with_key(Some(key));
        for answer in [api.get("/flows/"), api.post("/flows/", &json!({"name": 1})), api.get("/no_such_thing")] {
            assert!(answer.status < 500, "{} {}", answer.status, answer.body);
            assert!(!String::from_utf8_lossy(&answer.bytes).contains(key.as_str()), "{}", answer.body);
        }
        let basic = keys::basic(&format!("any:{key}"));
        Api::new(&tenant.api_url(), None).request("GET", "/flows/", &[("authorization", &basic)], None);
        for path in ["/events/in", "/events/out", "/logs/out"] {
            let opened = tests::Socket::open(&format!("{}{path}", tenant.api_url()), &[]);
            let mut socket = opened.unwrap_or_else(|error| panic!("{path}: {error}"));
            if let Incoming::Closed(Some((_, reason))) = socket.authenticate(Some(key)) {
                assert!(!reason.contains(key.as_str()), "{reason}");
            }
        }
    }
    let shown = account.api().get(&format!("/bots/{}", bot.id)).expect(200).to_string();
    assert!(!shown.contains(&bot.key), "{shown}");

    let log = server.log();
    assert!(log.contains("answered"), "the log says all that it can");
    let tables =
        "select table_name from information_schema.tables where table_schema = 'control' and table_type = 'BASE TABLE'";
    let rows: Vec<String> =
        server.database().sql(tables).lines().map(|t| format!("select t::text from control.{t} t")).collect();
    let rows = server.database().sql(&rows.join(" union all "));
    for secret in &secrets {
        let line = log.lines().find(|line| line.contains(secret.as_str()));
        assert_eq!(line, None, "a key is in the log");
        assert!(!rows.contains(secret.as_str()), "a key is in a table");
        // Nor in another form.
        let encoded = keys::basic(&format!("any:{secret}"));
        assert_eq!(log.lines().find(|line| line.contains(&encoded)), None, "a key is in the log in base 64");
    }
}

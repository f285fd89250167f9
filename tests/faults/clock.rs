//! Wall clocks that jump by an hour, of the program, of Redis and of Postgres, together and one by one: no request fails, no
//! kept answer is too old, no state is refused. Keys and tokens end by the clock as it is then.
//! That limits neither open nor close is shown in `tests/limits/replicas.rs`, and what becomes of answers that Redis keeps
//! in `tests/cache/contract.rs`.

use std::sync::atomic::{AtomicBool, Ordering};

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use tests::{Account, Api, Clock, Cluster, Issuer, Redis, Server, Tenant, eventually, truth};

use crate::ledger::{Kind, Ledger};
use crate::load::Load;
use crate::whole::halves;

const HOUR: i64 = 3600;
/// Acknowledged writes between two jumps.
const BETWEEN: usize = 100;

/// A clock for each, and two replicas that go by one.
struct Ground {
    ours: Clock,
    of_redis: Clock,
    of_postgres: Clock,
    replicas: [Server; 2],
    _redis: Redis,
}

impl Ground {
    fn new() -> Ground {
        let (ours, of_redis, of_postgres) = (Clock::start(), Clock::start(), Clock::start());
        let (database, redis) = (Cluster::by(&of_postgres).database(), Redis::by(&of_redis));
        let replica = || Server::builder().database(&database).redis(&redis).by(&ours).start();
        let replicas = [replica(), replica()];
        Ground { ours, of_redis, of_postgres, replicas, _redis: redis }
    }

    /// In hours before the machine's.
    fn set(&self, [ours, of_redis, of_postgres]: [i64; 3]) {
        self.ours.set(ours * HOUR);
        self.of_redis.set(of_redis * HOUR);
        self.of_postgres.set(of_postgres * HOUR);
    }
}

#[test]
fn clocks_that_jump_are_not_noticed() {
    let ground = Ground::new();
    let [one, _] = &ground.replicas;
    let tenant = Account::create(one).workspace();
    let schema = truth::schema_of(one, &tenant);
    let flow = tenant.api().post("/flows/", &json!({"name": "under load"})).expect(201);
    let flow = flow["id"].as_str().expect("an id");
    let (ledger, stop) = (Ledger::default(), AtomicBool::new(false));
    let loads = ground.replicas.each_ref().map(|replica| Load {
        tenant: tenant.at(replica),
        flow: flow.to_owned(),
        ledger: &ledger,
        stop: &stop,
    });

    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for load in &loads {
            threads.push(scope.spawn(|| load.runs()));
            threads.push(scope.spawn(|| load.logs()));
            threads.push(scope.spawn(|| load.events()));
            threads.push(scope.spawn(|| load.socket()));
        }
        // A panic in here must not leave the threads running, or it is never seen.
        let endured = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let apis = ground.replicas.each_ref().map(|replica| tenant.at(replica).api());
            let (path, mut number) = (format!("/flows/{flow}"), 0);
            let all =
                [[1, 1, 1], [0, 0, 0], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1], [0, 0, 0]];
            for clocks in all {
                ground.set(clocks);
                let goal = ledger.sure() + BETWEEN;
                while ledger.sure() < goal {
                    assert!(threads.iter().all(|thread| !thread.is_finished()), "{clocks:?}: a client gave up");
                    number += 1;
                    apis[number % 2].patch(&path, &json!({"tags": [number.to_string()]})).expect(204);
                    for api in &apis {
                        assert_eq!(api.get(&path).expect(200)["tags"], json!([number.to_string()]), "{clocks:?}");
                    }
                }
                assert_eq!(ledger.failures(), [""; 0], "{clocks:?}: a request failed");
                assert_eq!(ledger.ends(), [""; 0], "{clocks:?}: a socket was ended");
            }
        }));
        stop.store(true, Ordering::Relaxed);
        for thread in threads {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
        endured.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });

    for kind in [Kind::FlowRun, Kind::State, Kind::Log, Kind::Event, Kind::TaskRun] {
        assert!(ledger.count(kind) > 0, "no write of {kind:?} was acknowledged");
    }
    let mut findings = ledger.against(&ground.replicas[0].database().clone(), &schema);
    // A state is stamped by Postgres's clock: one that followed a jump back looks older than the one before it.
    let halves = halves(ground.replicas[0].database(), &schema);
    findings.extend(halves.into_iter().filter(|half| !half.starts_with("a run that is not in its latest state")));
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

#[test]
fn keys_and_tokens_end_by_the_clock_as_it_is() {
    let ground = Ground::new();
    let tenant = Account::create(&ground.replicas[0]).workspace();
    let (key, token) = passing(&ground, &tenant);
    let (kept, key, token) = (tenant.key.as_str(), key.as_str(), token.as_str());

    counts(&ground, &tenant, [(kept, true), (key, true), (token, true)]);
    // A key by Postgres's, a token by the replica's.
    ground.set([0, 0, 1]);
    counts(&ground, &tenant, [(kept, true), (key, false), (token, true)]);
    ground.set([1, 0, 0]);
    counts(&ground, &tenant, [(kept, true), (key, true), (token, false)]);
    ground.set([1, 1, 1]);
    counts(&ground, &tenant, [(kept, true), (key, false), (token, false)]);
    ground.set([0, 0, 0]);
    counts(&ground, &tenant, [(kept, true), (key, true), (token, true)]);
}

/// A key that ends in half an hour, and a token that ends before.
fn passing(ground: &Ground, tenant: &Tenant) -> (String, String) {
    let server = &ground.replicas[0];
    let owner = format!("{}-owner", tenant.account.handle);
    let key = server.admin(&["keys", "create", "--user", &owner, "--name", "passing", "--expires-in", "30m"]);
    let issuer = Issuer::start();
    let signs = issuer.key(Algorithm::ES256);
    server.admin(&["issuers", "create", issuer.url()]);
    let bot = tenant.bot("Developer");
    let identity = json!({
        "name": "passing", "issuer": issuer.url(), "audience": "prefecture", "claims": {"sub": "ci"}, "bot_id": bot.id
    });
    tenant.account.api().post("/identities/", &identity).expect(201);
    let token = issuer.token(&signs, Value::Object(serde_json::Map::new()));
    (key["key"].as_str().expect("a key is text").to_owned(), token)
}

/// On each replica, at the latest a moment after the clock was set.
fn counts(ground: &Ground, tenant: &Tenant, expected: [(&str, bool); 3]) {
    for replica in &ground.replicas {
        let api: Api = tenant.at(replica).api();
        for (secret, good) in expected {
            eventually("the clock counts", || match (api.with_key(Some(secret)).get("/").status, good) {
                (200, true) | (401, false) => Ok(()),
                (other, _) => Err(other),
            });
        }
    }
}

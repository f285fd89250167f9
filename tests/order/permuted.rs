//! The events of a flow run's tasks, permuted, repeated, over two sockets that are cut on the way: always the same end.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tests::{Server, Tenant, truth};

use crate::courier::{Courier, confirm, open};
use crate::seen::seen;
use crate::story::Story;

const SEEDS: u64 = 60;
const AT_ONCE: usize = 4;

/// Two replicas of one database, and two workspaces: events are told in order in one, and in any order in the other.
struct Ground {
    replicas: [Server; 2],
    orderly: Tenant,
    disorderly: Tenant,
    flows: [String; 2],
}

impl Ground {
    fn get() -> &'static Ground {
        static GROUND: OnceLock<Ground> = OnceLock::new();
        GROUND.get_or_init(|| {
            let first = Server::builder().start();
            let second = Server::builder().database(first.database()).start();
            let (orderly, disorderly) = (Tenant::on(&first), Tenant::on(&first));
            let flow = |tenant: &Tenant| id(&tenant.api().post("/flows/", &json!({"name": "told"})).expect(201));
            let flows = [flow(&orderly), flow(&disorderly)];
            Ground { replicas: [first, second], orderly, disorderly, flows }
        })
    }
}

#[test]
fn every_order_over_two_sockets_ends_the_same() {
    let ground = Ground::get();
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let seeds = match (number("ORDER_SEED"), number("ORDER_SEEDS")) {
        (Some(one), _) => one..one + 1,
        (None, many) => 1..1 + many.unwrap_or(SEEDS),
    };
    let next = AtomicU64::new(seeds.start);
    let told = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if !seeds.contains(&seed) {
                        return;
                    }
                    let _named = Named(seed);
                    told.fetch_add(one(ground, seed), Ordering::Relaxed);
                }
            });
        }
    });
    // Each once, whichever sockets brought it and however often; and nothing was set aside.
    for tenant in [&ground.orderly, &ground.disorderly] {
        let schema = truth::schema_of(&ground.replicas[0], tenant);
        let sql = format!(
            "select count(*), count(distinct id), (select count(*) from {schema}.quarantine) from {schema}.event
             where event like 'prefect.task-run.%'"
        );
        let told = told.load(Ordering::Relaxed);
        assert_eq!(ground.replicas[0].database().sql(&sql), format!("{told}|{told}|0"));
    }
}

/// Tells a seed's story in both workspaces and compares what is seen of it; how many events it has.
fn one(ground: &Ground, seed: u64) -> u64 {
    let mut random = StdRng::seed_from_u64(seed);
    let story = Story::of(seed, &mut random);
    let [orderly, disorderly] = [(&ground.orderly, &ground.flows[0]), (&ground.disorderly, &ground.flows[1])]
        .map(|(tenant, flow)| id(&tenant.api().post("/flow_runs/", &json!({"flow_id": flow})).expect(201)));

    let mut socket = open(&ground.orderly);
    let events = story.told_of(&orderly);
    for event in &events {
        socket.send_raw(event);
        confirm(&mut socket);
    }

    let shares = shares(story.told_of(&disorderly), &mut random);
    // Both at one replica, or one at each.
    let replicas = [0, (seed % 2) as usize];
    std::thread::scope(|scope| {
        for (share, replica) in shares.iter().zip(replicas) {
            let tenant = ground.disorderly.at(&ground.replicas[replica]);
            let cuts = random.random_range(0..3);
            let mut courier = Courier::new(tenant, StdRng::seed_from_u64(random.random()), cuts);
            scope.spawn(move || {
                let _named = Named(seed);
                courier.deliver(share);
            });
        }
    });

    let expected = seen(&ground.orderly, &orderly, &story.runs);
    let found = seen(&ground.disorderly.at(&ground.replicas[1]), &disorderly, &story.runs);
    for ((what, expected), (_, found)) in expected.iter().zip(&found) {
        assert_eq!(expected, found, "seed {seed}: {what}");
    }
    events.len() as u64
}

/// Each event for one of two sockets at least, some twice or for both, in any order.
fn shares(events: Vec<String>, random: &mut StdRng) -> [Vec<String>; 2] {
    let mut shares = [Vec::new(), Vec::new()];
    for event in events {
        let copies = *[1, 1, 2, 3].choose(random).expect("not empty");
        for _ in 0..copies {
            shares[random.random_range(0..2)].push(event.clone());
        }
    }
    shares.iter_mut().for_each(|share| share.shuffle(random));
    shares
}

/// Says how a failure is repeated.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed was {0}: ORDER_SEED={0} repeats its order", self.0);
        }
    }
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("no id in {value}")).to_owned()
}

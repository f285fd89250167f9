//! Two replicas with one Redis, which comes and goes: never more than the limit and the burst, and no request fails.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tests::{Account, Api, Clock, Redis, Server, Trouble, Troubled, eventually};

use crate::{create, put_on_plan};

/// Requests a second, and at once.
const RATE: f64 = 20.0;
const BURST: f64 = 200.0;

/// Two servers of one account; asks both from two threads each while `meanwhile` runs, which is given the second and
/// told how many were granted until then. How many were granted, and of how many that is at most.
fn granted(redis: &str, meanwhile: impl FnOnce(&Server, &AtomicUsize)) -> (usize, f64) {
    granted_or(&[429], redis, meanwhile)
}

/// `granted`, where other refusals are to be expected.
fn granted_or(refusals: &[u16], redis: &str, meanwhile: impl FnOnce(&Server, &AtomicUsize)) -> (usize, f64) {
    let one = Server::builder().env("REDIS_URL", redis).start();
    let two = Server::builder().database(one.database()).env("REDIS_URL", redis).start();
    let account = Account::create(&one);
    let tenant = account.workspace();
    put_on_plan(&one, &account, &["--requests", "1200", "--burst-seconds", "10"]);
    eventually("the other replica knows the plan", || {
        let answer = create(&tenant.at(&two).api());
        answer.header("ratelimit").map(drop).ok_or(answer.status)
    });
    let (stop, granted) = (AtomicBool::new(false), AtomicUsize::new(0));
    let begun = Instant::now();
    let count = |api: Api| {
        while !stop.load(Ordering::Relaxed) {
            let answer = create(&api);
            match answer.status {
                200 | 201 => drop(granted.fetch_add(1, Ordering::Relaxed)),
                status if refusals.contains(&status) => {}
                other => panic!("{other}: {}", answer.body),
            }
        }
    };
    thread::scope(|scope| {
        let apis = [&one, &two, &one, &two].map(|server| tenant.at(server).api());
        let asking = apis.map(|api| scope.spawn(|| count(api)));
        meanwhile(&two, &granted);
        stop.store(true, Ordering::Relaxed);
        for asking in asking {
            asking.join().expect("nothing but what was granted and refusals");
        }
    });
    (granted.into_inner(), BURST + RATE * begun.elapsed().as_secs_f64())
}

/// For as long as the replicas need to show what they do; not a wait for something.
fn for_a_while(seconds: u64) {
    let until = Instant::now() + Duration::from_secs(seconds);
    eventually("the time is over", || if Instant::now() >= until { Ok(()) } else { Err("not yet") });
}

#[test]
fn a_replica_that_is_ready_grants_its_part_at_once() {
    let redis = Redis::start();
    let one = Server::builder().redis(&redis).start();
    let account = Account::create(&one);
    let tenant = account.workspace();
    put_on_plan(&one, &account, &["--requests", "1200", "--burst-seconds", "10"]);
    let two = Server::builder().database(one.database()).redis(&redis).start();
    let answers = thread::scope(|scope| {
        let asking = [(); 4].map(|()| scope.spawn(|| [(); 5].map(|()| create(&tenant.at(&two).api()).status)));
        asking.map(|asking| asking.join().expect("answers"))
    });
    assert_eq!(answers, [[201; 5]; 4], "a quarter of the burst is its own, and Redis is told behind the answers");
}

#[test]
fn a_replica_that_was_ready_stays_so_when_redis_comes_back() {
    let redis = Redis::start();
    redis.signal("STOP");
    let server = Server::builder().redis(&redis).start();
    redis.signal("CONT");
    let until = Instant::now() + Duration::from_secs(4);
    eventually("the others have counted it", || {
        let ready = server.api().get("/ready");
        assert_eq!(ready.status, 200, "{}", ready.body);
        if Instant::now() >= until { Ok(()) } else { Err("perhaps not yet") }
    });
}

#[test]
fn together_they_grant_the_limit_and_not_more() {
    let redis = Redis::start();
    let (granted, most) = granted(&redis.url(), |_, _| for_a_while(8));
    assert!(granted as f64 <= most, "{granted} of {most}");
    assert!(granted as f64 >= most / 3.0, "and not much less: {granted} of {most}");
}

#[test]
fn a_redis_that_is_killed_and_forgets_grants_nothing_twice() {
    let mut redis = Redis::start();
    let (granted, most) = granted(&redis.url(), |_, _| {
        for_a_while(4);
        redis.kill9();
        for_a_while(4);
        redis.start_again();
        for_a_while(4);
    });
    assert!(granted as f64 <= most, "{granted} of {most}");
    assert!(granted as f64 >= most / 4.0, "{granted} of {most}");
}

#[test]
fn a_redis_that_hangs_grants_nothing_twice() {
    let redis = Redis::start();
    let (granted, most) = granted(&redis.url(), |_, _| {
        for_a_while(4);
        redis.signal("STOP");
        for_a_while(4);
        redis.signal("CONT");
        for_a_while(4);
    });
    assert!(granted as f64 <= most, "{granted} of {most}");
    assert!(granted as f64 >= most / 4.0, "{granted} of {most}");
}

#[test]
fn no_trouble_of_redis_grants_more_or_hardly_anything() {
    let mut redis = Troubled::start();
    let (granted, most) = granted(&redis.url(), |_, _| {
        for trouble in Trouble::ALL {
            for_a_while(2);
            redis.befall(trouble);
            for_a_while(3);
            redis.heal(trouble);
        }
        for_a_while(2);
    });
    assert!(granted as f64 <= most, "{granted} of {most}");
    assert!(granted as f64 >= most / 4.0, "{granted} of {most}");
}

#[test]
fn a_replica_that_stands_still_and_goes_on_grants_nothing_twice() {
    let redis = Redis::start();
    // What it had in work meanwhile is 503: Postgres ended the transactions that stood still with it.
    let (granted, most) = granted_or(&[429, 503], &redis.url(), |paused, _| {
        for_a_while(4);
        paused.signal("STOP");
        // Longer than the other counts it.
        for_a_while(18);
        paused.signal("CONT");
        for_a_while(4);
    });
    assert!(granted as f64 <= most, "{granted} of {most}");
    assert!(granted as f64 >= most / 3.0, "{granted} of {most}");
}

#[test]
fn a_clock_of_redis_that_jumps_opens_nothing_and_closes_nothing() {
    let clock = Clock::start();
    let redis = Redis::by(&clock);
    let mut phases = Vec::new();
    let (granted, most) = granted(&redis.url(), |_, granted| {
        for hours in [0, 1, 2, 0, -1, 0] {
            clock.set(hours * 3600);
            let before = granted.load(Ordering::Relaxed);
            for_a_while(3);
            phases.push((hours, granted.load(Ordering::Relaxed) - before));
        }
    });
    assert!(granted as f64 <= most, "{granted} of {most}");
    assert!(phases.iter().all(|(_, granted)| *granted as f64 >= RATE), "a third of the rate in each: {phases:?}");
}

//! Hints and claims on a real database, as replicas see them: each with a pool of its own.

use std::time::Duration;

use domain::WorkspaceId;
use uuid::Uuid;
use wire::Time;

use super::*;
use crate::migrate::migrate_cells;
use crate::pool::Pool;
use crate::testing::Database;

const SWEEP: Duration = Duration::from_secs(600);
const NO_PAUSE: Duration = Duration::ZERO;

/// A database with the schema, and a connection that may change its rows as it likes.
async fn cell() -> (Database, tokio_postgres::Client) {
    let database = Database::create().await;
    migrate_cells(&database.owners()).await.unwrap();
    let (owner, connection) = tokio_postgres::connect(&database.owner, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    (database, owner)
}

fn workspace(n: u128) -> WorkspaceId {
    WorkspaceId(Uuid::from_u128(n))
}

/// As if so much time had gone by.
async fn later(owner: &tokio_postgres::Client, time: Duration) {
    let sql = format!(
        "update cell.tick set due = due - interval '{0} ms', hinted = hinted - interval '{0} ms', \
         claimed_until = claimed_until - interval '{0} ms'",
        time.as_millis()
    );
    owner.batch_execute(&sql).await.unwrap();
}

async fn claim(pool: &Pool) -> Vec<WorkspaceId> {
    pool.claim(10).await.unwrap().claims.into_iter().map(|claim| claim.workspace).collect()
}

async fn one(pool: &Pool) -> Claim {
    let mut claims = pool.claim(10).await.unwrap().claims;
    assert_eq!(claims.len(), 1);
    claims.remove(0)
}

/// Seconds until the row is due.
async fn due_in(owner: &tokio_postgres::Client, n: u128) -> f64 {
    let sql =
        "select date_part('epoch', least(due, hinted) - clock_timestamp()) from cell.tick where workspace_id = $1";
    owner.query_one(sql, &[&Uuid::from_u128(n)]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_workspace_is_claimed_when_it_is_due_by_one_replica() {
    let (database, owner) = cell().await;
    let (a, b) = (database.pool(), database.pool());
    let now = Time::of_machine();
    a.hint(workspace(1), now + Duration::from_secs(60)).await;
    a.hint(workspace(2), now + Duration::from_secs(3600)).await;
    assert!(claim(&a).await.is_empty() && claim(&b).await.is_empty(), "nothing is due");
    later(&owner, Duration::from_secs(61)).await;
    let (first, second) = tokio::join!(claim(&a), claim(&b));
    assert_eq!([first, second].concat(), [workspace(1)]);
    assert!(claim(&b).await.is_empty(), "it is held");
}

#[tokio::test]
async fn what_nobody_claims_is_told_of() {
    let (database, owner) = cell().await;
    let pool = database.pool();
    pool.hint(workspace(1), Time::of_machine()).await;
    pool.hint(workspace(2), Time::of_machine()).await;
    later(&owner, Duration::from_secs(30)).await;
    let claimed = pool.claim(1).await.unwrap();
    assert_eq!(claimed.claims.len(), 1);
    assert!(claimed.claims[0].now.seconds_since(claimed.claims[0].due) > 29.0);
    assert!(claimed.overdue > Duration::from_secs(29), "{:?}", claimed.overdue);
    assert_eq!(pool.claim(1).await.unwrap().overdue, Duration::ZERO, "the rest was taken by this");
}

#[tokio::test]
async fn the_claim_of_a_replica_that_died_is_taken_over_and_the_dead_one_says_nothing_more() {
    let (database, owner) = cell().await;
    let (dead, alive) = (database.pool(), database.pool());
    dead.hint(workspace(1), Time::of_machine()).await;
    later(&owner, Duration::from_secs(1)).await;
    let lost = one(&dead).await;
    later(&owner, LEASE / 2).await;
    assert!(claim(&alive).await.is_empty());
    assert!(dead.renew(&lost).await.unwrap());
    later(&owner, LEASE / 2).await;
    assert!(claim(&alive).await.is_empty(), "it was renewed");
    later(&owner, LEASE).await;
    let held = one(&alive).await;
    assert!(!dead.renew(&lost).await.unwrap());
    dead.release(&lost, None, NO_PAUSE, SWEEP).await.unwrap();
    assert!(alive.renew(&held).await.unwrap(), "the claim of the living is as it was");
}

#[tokio::test]
async fn a_release_says_when_to_look_again_and_the_sweep_bounds_it() {
    let (database, owner) = cell().await;
    let pool = database.pool();
    pool.adopt(&[workspace(1)], Duration::ZERO, SWEEP).await.unwrap();
    for (next, expected) in [(Some(120), 120.0), (None, 600.0), (Some(-5), 1.0)] {
        later(&owner, SWEEP).await;
        let held = one(&pool).await;
        let next = next.map(|seconds| held.now.plus_seconds(f64::from(seconds)));
        pool.release(&held, next, Duration::from_secs(1), SWEEP).await.unwrap();
        let due = due_in(&owner, 1).await;
        assert!((expected - 5.0..=expected).contains(&due), "{due}, expected {expected}");
    }
}

/// A hint comes before the commit, so a look may come between the two: then there is a second look.
#[tokio::test]
async fn what_a_hint_brought_about_is_looked_at_once_more() {
    let (database, owner) = cell().await;
    let pool = database.pool();
    pool.hint(workspace(1), Time::of_machine()).await;
    later(&owner, Duration::from_secs(1)).await;
    let held = one(&pool).await;
    pool.release(&held, None, NO_PAUSE, SWEEP).await.unwrap();
    let due = due_in(&owner, 1).await;
    assert!(due > 10.0 && due <= SETTLE.as_secs_f64(), "{due}");
    later(&owner, SETTLE).await;
    let held = one(&pool).await;
    pool.release(&held, None, NO_PAUSE, SWEEP).await.unwrap();
    assert!(due_in(&owner, 1).await > SETTLE.as_secs_f64(), "and not a third time");
}

#[tokio::test]
async fn whoever_takes_over_looks_once_more_too() {
    let (database, owner) = cell().await;
    let (dead, alive) = (database.pool(), database.pool());
    dead.hint(workspace(1), Time::of_machine()).await;
    later(&owner, Duration::from_secs(1)).await;
    one(&dead).await;
    later(&owner, LEASE).await;
    let held = one(&alive).await;
    alive.release(&held, None, NO_PAUSE, SWEEP).await.unwrap();
    assert!(due_in(&owner, 1).await <= SETTLE.as_secs_f64());
}

#[tokio::test]
async fn a_hint_that_comes_during_a_turn_is_not_lost() {
    let (database, owner) = cell().await;
    let (working, telling) = (database.pool(), database.pool());
    working.adopt(&[workspace(1)], Duration::ZERO, SWEEP).await.unwrap();
    let held = one(&working).await;
    telling.hint(workspace(1), Time::of_machine() + Duration::from_secs(30)).await;
    working.release(&held, None, NO_PAUSE, SWEEP).await.unwrap();
    assert!(due_in(&owner, 1).await <= 30.0);
}

/// A hint that is lost altogether: the row is of no use, or gone.
#[tokio::test]
async fn every_workspace_is_looked_at_within_the_sweep_whatever_became_of_its_hints() {
    let (database, owner) = cell().await;
    let pool = database.pool();
    let all = [workspace(1), workspace(2), workspace(3)];
    pool.adopt(&all[..2], Duration::ZERO, SWEEP).await.unwrap();
    owner.batch_execute("update cell.tick set due = 'infinity'").await.unwrap();
    pool.adopt(&all, Duration::ZERO, SWEEP).await.unwrap();
    assert_eq!(claim(&pool).await, [workspace(3)], "it is new");
    later(&owner, SWEEP).await;
    let mut rest = claim(&pool).await;
    rest.sort();
    assert_eq!(rest, all, "the claim of the third ended long ago");
}

#[tokio::test]
async fn a_replica_that_cannot_write_its_hint_does_not_fail_and_tries_the_next_one() {
    let (database, owner) = cell().await;
    let pool = database.pool();
    owner.batch_execute("alter table cell.tick rename to away").await.unwrap();
    let doubts = pool.doubts();
    pool.hint(workspace(1), Time::of_machine()).await;
    assert_eq!(pool.doubts(), doubts + 1);
    owner.batch_execute("alter table cell.away rename to tick").await.unwrap();
    pool.hint(workspace(1), Time::of_machine()).await;
    assert!(due_in(&owner, 1).await <= 1.0);
}

/// What the database had not written to disk when it broke off may be lost, hints among it.
#[tokio::test]
async fn a_database_that_broke_off_leaves_a_doubt_and_then_all_are_looked_at_soon() {
    let (database, owner) = cell().await;
    let pool = database.pool();
    let all = [workspace(1), workspace(2)];
    pool.adopt(&all, Duration::ZERO, SWEEP).await.unwrap();
    owner.batch_execute("update cell.tick set due = now() + interval '9 min', hinted = 'infinity'").await.unwrap();
    let doubts = pool.doubts();
    let others = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
        where datname = current_database() and usename = 'prefecture_serve'";
    let (superuser, connection) = tokio_postgres::connect(&database.superuser, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    superuser.batch_execute(others).await.unwrap();
    while pool.doubts() == doubts {
        tokio::task::yield_now().await;
    }
    // Its other connections are found broken as they are used. While it is away the answer is at once, and whoever notices
    // that it is back must have his turn.
    while pool.adopt(&all, Duration::ZERO, Duration::from_secs(60)).await.is_err() {
        tokio::task::yield_now().await;
    }
    for n in 1..=2 {
        assert!(due_in(&owner, n).await <= 60.0);
    }
}

#[tokio::test]
async fn a_state_change_costs_a_hint_only_where_something_falls_due_sooner_than_is_known() {
    let (database, owner) = cell().await;
    let pool = database.pool();
    let soon = Time::of_machine() + Duration::from_secs(15);
    pool.hint(workspace(1), soon).await;
    owner.batch_execute("truncate cell.tick").await.unwrap();
    for n in 0..50 {
        pool.hint(workspace(1), soon + Duration::from_millis(n)).await;
    }
    let rows = async || owner.query_one("select count(*) from cell.tick", &[]).await.unwrap().get::<_, i64>(0);
    assert_eq!(rows().await, 0, "none of them was written");
    pool.hint(workspace(1), soon - Duration::from_secs(5)).await;
    assert_eq!(rows().await, 1);
}

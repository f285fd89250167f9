//! The tally of task runs, on a real database.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tokio_postgres::Client;

use crate::migrate::Provisioner;
use crate::testing::{Database, Installation};

const WRITERS: u64 = 6;
const STATEMENTS: u32 = 400;

/// Adds or removes some task runs, in a transaction that is not always committed.
async fn write(client: &Client, random: &mut SmallRng) {
    client.batch_execute("begin").await.unwrap();
    for _ in 0..random.random_range(1..4) {
        let (some, salt) = (random.random_range(0..5), random.random_range(0..500));
        let statement = match random.random_range(0..3) {
            // Of which some are there already.
            0 => format!(
                "insert into task_run (id, name, task_key, dynamic_key)
                 select md5((n + {salt})::text)::uuid, 'n', 'k', 'd' from generate_series(1, {some}) n on conflict do nothing"
            ),
            1 => format!(
                "insert into task_run (id, name, task_key, dynamic_key)
                 select gen_random_uuid(), 'n', 'k', 'd' from generate_series(1, {some}) n"
            ),
            // Whoever wants the same rows goes around them: that they wait for each other is not what is looked at here.
            _ => format!(
                "delete from task_run where id in (select id from task_run order by md5(id::text || '{salt}')
                 limit {some} for update skip locked)"
            ),
        };
        if client.batch_execute(&statement).await.is_err() {
            break; // two wanted the same rows in a different order
        }
    }
    client.batch_execute(if random.random_bool(0.2) { "rollback" } else { "commit" }).await.unwrap();
}

#[tokio::test]
async fn the_tally_is_the_number_of_task_runs_in_every_snapshot() {
    let Installation { owners, database, .. } = Installation::create().await;
    Provisioner::new(owners, 1).refill().await.unwrap();
    let connect = async || Database::connect(&database.owner).await;
    let reader = connect().await;
    let schema: String = reader.query_one("select schema_name from control.spare", &[]).await.unwrap().get(0);
    let path = format!("set search_path to {schema}");
    reader.batch_execute(&path).await.unwrap();
    let writers = (0..WRITERS).map(async |seed| {
        let (client, mut random) = (connect().await, SmallRng::seed_from_u64(seed));
        client.batch_execute(&path).await.unwrap();
        for _ in 0..STATEMENTS {
            write(&client, &mut random).await;
        }
    });
    let counted =
        "select (select count(*) from task_run), (select coalesce(sum(change), 0)::bigint from task_run_tally)";
    let look = async || -> (i64, i64) {
        let row = reader.query_one(counted, &[]).await.unwrap();
        (row.get(0), row.get(1))
    };
    let looks = async {
        loop {
            let (there, tally) = look().await;
            assert_eq!(there, tally);
        }
    };
    tokio::select! {
        _ = futures_util::future::join_all(writers) => {}
        () = looks => {}
    }
    let (there, tally) = look().await;
    assert_eq!(there, tally);
    assert!(there > 100, "{there}");
    let rows: i64 = reader.query_one("select count(*) from task_run_tally", &[]).await.unwrap().get(0);
    assert!(rows < 1500, "of thousands of statements: {rows}");
}

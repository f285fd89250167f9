//! What the statements of a workspace may take of the database.

use super::Lane;
use crate::sql::Sql;
use crate::testing::{Installation, workspace};

const TAKES: &str = "select current_setting('max_parallel_workers_per_gather'), current_setting('jit'), \
    current_setting('plan_cache_mode')";

#[tokio::test]
async fn a_statement_takes_one_core_and_is_not_compiled_and_a_lists_plan_is_for_its_values() {
    let installation = Installation::create().await;
    let scope = workspace(&installation.control).await;
    for lane in Lane::ALL {
        let takes: (String, String, String) = scope.read(lane).await.unwrap().one(TAKES, &[]).await.unwrap();
        let plans = if lane == Lane::Heavy { "force_custom_plan" } else { "force_generic_plan" };
        assert_eq!(takes, ("0".to_owned(), "off".to_owned(), plans.to_owned()), "{lane:?}");
    }
}

#[tokio::test]
async fn to_count_takes_two_cores_that_nobody_needs() {
    let installation = Installation::create().await;
    let scope = workspace(&installation.control).await;
    let workers = "select current_setting('max_parallel_workers_per_gather')::int8";
    let mut tx = scope.read(Lane::Heavy).await.unwrap();
    assert_eq!(tx.count_of(Sql::new(workers)).await.unwrap(), 1);
    assert_eq!(tx.one_of::<(i64,)>(&Sql::new(workers)).await.unwrap(), (0,), "a list has one");
    let other = scope.read(Lane::Read).await.unwrap();
    assert_eq!(tx.count_of(Sql::new(workers)).await.unwrap(), 0);
    drop(other);
    assert_eq!(tx.count_of(Sql::new(workers)).await.unwrap(), 1);
}

//! Migrations, provisioning and the fence between tenants on a real database.

use std::sync::Mutex;
use std::time::Duration;

use super::workspaces::{Outcome, Subject};
use super::*;
use crate::control::{By, NewAccount, NewWorkspace};
use crate::relations::Filters;
use crate::testing::{self, Database, Installation};
use crate::{Error, Lane, task_runs};

#[tokio::test]
async fn everything_can_run_twice() {
    let installation = Installation::create().await;
    let Installation { owners, control, .. } = &installation;
    assert!(migrate_control(owners).await.unwrap().is_empty());
    migrate_cells(owners).await.unwrap();
    let provisioner = Provisioner::new(owners.clone(), 3);
    assert_eq!(provisioner.refill().await.unwrap(), 3);
    assert_eq!(provisioner.refill().await.unwrap(), 0);

    // Back to nothing, as if no file had run: each finds what is there already.
    let owner = owner::connect(&installation.database.owner).await.unwrap();
    for row in owner.query("select schema_name from control.spare", &[]).await.unwrap() {
        let schema: String = row.get(0);
        owner.batch_execute(&format!("delete from {schema}.workspace_meta")).await.unwrap();
    }
    let seen = Mutex::new(Vec::new());
    let report = migrate_workspaces(owners, 2, &|progress| seen.lock().unwrap().push(progress)).await.unwrap();
    assert_eq!((report.migrated, report.current, report.failed.len()), (3, 0, 0));
    let seen = seen.into_inner().unwrap();
    assert_eq!(seen.iter().map(|p| (p.done, p.total)).collect::<Vec<_>>(), [(1, 3), (2, 3), (3, 3)]);
    let all = Outcome::Migrated { from: 0, to: WORKSPACE_VERSION };
    assert!(seen.iter().all(|p| p.subject == Subject::Spare && p.outcome == all));
    let report = migrate_workspaces(owners, 2, &|_| ()).await.unwrap();
    assert_eq!((report.migrated, report.current), (0, 3));

    let sql =
        "insert into control.meta (schema_version) values ($1) on conflict (one) do update set schema_version = $1";
    owner.execute(sql, &[&0]).await.unwrap();
    assert_eq!(migrate_control(owners).await.unwrap().len(), files::CONTROL.len());
    assert!(control.ping().await.is_ok());
}

#[tokio::test]
async fn artifacts_of_a_schema_of_version_1_have_their_latest_after_it() {
    let Installation { owners, database, .. } = Installation::create().await;
    Provisioner::new(owners.clone(), 1).refill().await.unwrap();
    let owner = owner::connect(&database.owner).await.unwrap();
    let schema: String = owner.query_one("select schema_name from control.spare", &[]).await.unwrap().get(0);
    // As the first file left it.
    let before = format!(
        "set search_path to {schema}; drop table artifact_latest, variable, saved_search;
         drop index artifact_key_created, artifact_created, artifact_updated;
         alter table artifact alter column key type text;
         create index artifact_key on artifact (key, created) where key is not null;
         insert into artifact (id, key, created) select gen_random_uuid(), key, now() + n * interval '1 hour'
             from unnest(array['a', 'b', null]) key, generate_series(1, 3) n;
         update workspace_meta set schema_version = 1"
    );
    owner.batch_execute(&before).await.unwrap();
    let report = migrate_workspaces(&owners, 1, &|_| ()).await.unwrap();
    assert_eq!((report.migrated, report.failed.len()), (1, 0), "{:?}", report.failed);
    let latest = owner.query(
        "select l.key from artifact_latest l join artifact a on a.id = l.latest_id
         where not exists (select from artifact b where b.key = a.key and b.created > a.created) order by 1",
        &[],
    );
    let latest: Vec<String> = latest.await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(latest, ["a", "b"]);
}

#[tokio::test]
async fn task_runs_of_a_schema_of_version_3_are_in_the_tally() {
    let Installation { owners, control, database, .. } = Installation::create().await;
    let workspace = testing::workspace(&control).await.workspace();
    let owner = owner::connect(&database.owner).await.unwrap();
    let schema: String = owner.query_one("select schema_name from control.workspace", &[]).await.unwrap().get(0);
    // As the third file left it.
    let before = format!(
        "set search_path to {schema}; update control.workspace set schema_version = 3; drop table task_run_tally; drop function tally_task_runs cascade;
         insert into task_run (id, name, task_key, dynamic_key) select gen_random_uuid(), 'n', 'k', 'd' from generate_series(1, 7);
         update workspace_meta set schema_version = 3"
    );
    owner.batch_execute(&before).await.unwrap();
    let count = async || {
        let scope = testing::scope_of(&control, workspace).await;
        task_runs::count(&mut scope.read(Lane::Heavy).await.unwrap(), &Filters::default()).await.unwrap()
    };
    assert_eq!(count().await, 7, "a program of the version after serves it");
    let report = migrate_workspaces(&owners, 1, &|_| ()).await.unwrap();
    assert_eq!((report.migrated, report.failed.len()), (1, 0), "{:?}", report.failed);
    owner.batch_execute("delete from task_run where id = (select id from task_run limit 1)").await.unwrap();
    let tally: i64 = owner.query_one("select sum(change)::bigint from task_run_tally", &[]).await.unwrap().get(0);
    assert_eq!((count().await, tally), (6, 6));
}

#[tokio::test]
async fn a_workspace_takes_a_spare_or_has_one_made() {
    let Installation { owners, control, .. } = Installation::create().await;
    let account = control.create_account(By::Shell, &NewAccount { handle: "a", name: "a" }).await.unwrap().id;
    let provisioner = Provisioner::new(owners.clone(), 1);
    provisioner.refill().await.unwrap();
    let client = owners.control().await.unwrap();
    let spares = async || -> i64 { client.query_one("select count(*) from control.spare", &[]).await.unwrap().get(0) };
    assert_eq!(spares().await, 1);
    for (handle, left) in [("one", 0), ("two", 0)] {
        let new = NewWorkspace { handle, name: handle, description: "", placement: "default" };
        let workspace = control.create_workspace(By::Shell, account, &new).await.unwrap();
        assert_eq!(workspace.schema_version, WORKSPACE_VERSION);
        assert_eq!(spares().await, left);
    }
    // A refused one leaves its schema as a spare.
    let new = NewWorkspace { handle: "two", name: "again", description: "", placement: "default" };
    assert!(matches!(control.create_workspace(By::Shell, account, &new).await, Err(Error::Conflict(_))));
    assert_eq!(spares().await, 1);

    // What a killed program left half made is dropped.
    let sql = "insert into control.spare (schema_name, placement, schema_version, created)
        values ('ws_00000000000000000000000000000000', 'default', 0, now() - interval '1 hour')";
    client.execute(sql, &[]).await.unwrap();
    provisioner.refill().await.unwrap();
    assert_eq!(spares().await, 1);
}

#[tokio::test]
async fn a_failing_canary_stops_the_others() {
    let Installation { owners, control, .. } = Installation::create().await;
    let account = control.create_account(By::Shell, &NewAccount { handle: "a", name: "a" }).await.unwrap().id;
    let client = owners.control().await.unwrap();
    for handle in ["one", "two", "three"] {
        let new = NewWorkspace { handle, name: handle, description: "", placement: "default" };
        control.create_workspace(By::Shell, account, &new).await.unwrap();
    }
    let row = client
        .query_one("update control.workspace set canary = true where handle = 'two' returning id, schema_name", &[]);
    let row = row.await.unwrap();
    let (canary, schema): (domain::WorkspaceId, String) = (row.get(0), row.get(1));
    // A table in whose place something else stands.
    client.batch_execute(&format!("drop table {schema}.workspace_meta; create view {schema}.workspace_meta as select 1 as schema_version where false")).await.unwrap();
    let report = migrate_workspaces(&owners, 2, &|_| ()).await.unwrap();
    assert!(report.stopped);
    assert_eq!(report.failed.iter().map(|(subject, _)| *subject).collect::<Vec<_>>(), [Subject::Workspace(canary)]);
    assert_eq!(report.current + report.migrated, 0);
}

#[tokio::test]
async fn a_schema_of_a_version_that_is_not_served_is_told_to_members_only() {
    let Installation { owners, control, .. } = Installation::create().await;
    let account = control.create_account(By::Shell, &NewAccount { handle: "a", name: "a" }).await.unwrap().id;
    let new = NewWorkspace { handle: "w", name: "w", description: "", placement: "default" };
    let workspace = control.create_workspace(By::Shell, account, &new).await.unwrap().id;
    let client = owners.control().await.unwrap();
    let far = WORKSPACE_SERVED.end() + 1;
    client.execute("update control.workspace set schema_version = $1", &[&far]).await.unwrap();
    assert!(matches!(control.place(workspace).await, Err(Error::SchemaVersion(v)) if v == far));
    assert!(control.places().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_serving_login_has_no_rights_at_rest() {
    let installation = Installation::create().await;
    let provisioner = Provisioner::new(installation.owners.clone(), 2);
    provisioner.refill().await.unwrap();
    let owner = owner::connect(&installation.database.owner).await.unwrap();
    let rows = owner.query("select schema_name from control.spare order by 1", &[]).await.unwrap();
    let (one, two): (String, String) = (rows[0].get(0), rows[1].get(0));

    let serving = owner::connect(&installation.database.serving).await.unwrap();
    let refused = async |sql: String| {
        let error = serving.batch_execute(&sql).await.expect_err(&sql);
        let _ = serving.batch_execute("ROLLBACK").await;
        error.code().cloned().map(|code| code.code().to_owned()).unwrap_or_default()
    };
    let path: String = serving.query_one("show search_path", &[]).await.unwrap().get(0);
    assert_eq!(path, "pg_catalog");
    const DENIED: &str = "42501";
    for sql in [
        format!("select * from {one}.workspace_meta"),
        format!("create table {one}.t ()"),
        "create schema s".into(),
        "create table public.t ()".into(),
        "create temporary table t ()".into(),
        "create role r".into(),
        "select set_config('role', 'postgres', false)".into(),
        "delete from control.audit".into(),
        "update control.meta set schema_version = 9".into(),
        // Inside a workspace: not the neighbour, not the control plane, not by way of set_config, and no DDL.
        format!("begin; set local role {one}; select * from {two}.workspace_meta"),
        format!("begin; set local role {one}; select hash from control.api_key"),
        format!("begin; set local role {one}; select set_config('role', '{two}', false)"),
        format!(
            "begin; set local role {one}; select query_to_xml('select * from {two}.workspace_meta', true, false, '')"
        ),
        format!("begin; set local role {one}; create table {one}.t ()"),
    ] {
        assert_eq!(refused(sql.clone()).await, DENIED, "{sql}");
    }
    let sql = format!(
        "begin; set local role {one}; set local search_path to {one}; update workspace_meta set schema_version = schema_version; commit"
    );
    serving.batch_execute(&sql).await.expect("its own rows are open to a workspace's role");
}

#[tokio::test]
async fn without_roles_the_serving_login_itself_has_the_rights() {
    let database = Database::create().await;
    let owners = Owners { tenant_roles: false, ..database.owners() };
    migrate_control(&owners).await.unwrap();
    Provisioner::new(owners.clone(), 1).refill().await.unwrap();
    let client = owners.control().await.unwrap();
    let schema: String = client.query_one("select schema_name from control.spare", &[]).await.unwrap().get(0);
    let roles: i64 =
        client.query_one("select count(*) from pg_roles where rolname = $1", &[&schema]).await.unwrap().get(0);
    assert_eq!(roles, 0);
    let serving = owner::connect(&database.serving).await.unwrap();
    serving.batch_execute(&format!("select * from {schema}.workspace_meta")).await.unwrap();
}

#[tokio::test]
async fn an_unmigrated_database_is_not_ready() {
    let database = Database::create().await;
    let settings = crate::control::ControlSettings {
        url: database.serving.clone(),
        connections: 1,
        wait: Duration::from_secs(5),
        patience: Duration::from_secs(5),
        pooler: Default::default(),
        idle_transaction: Duration::from_secs(1),
    };
    let control =
        crate::control::Control::new(&settings, Default::default(), None, crate::Commits::told_to_nobody()).unwrap();
    assert!(matches!(control.ping().await, Err(Error::Unavailable(_))));
}

//! The private Postgres as a user meets it: a real one, in a folder of its own.

use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::PathBuf;

use tokio::process::Command;

use super::account::RunAs;
use super::*;

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        let path = std::env::temp_dir().join(format!("prefecture-test-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir(&path).expect("the temporary folder can be written");
        Folder(path)
    }

    fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    async fn start(&self) -> Embedded {
        Embedded::start_with(&self.data(), &self.0.join("outside")).await.expect("postgres starts")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A test that failed in the middle leaves its Postgres running.
        for home in [self.data(), self.0.join("copy")] {
            if let Ok(Some(file)) = pid_file::PidFile::read(&home.join("postgres")) {
                let _ = std::process::Command::new("sh").arg("-c").arg(format!("kill -QUIT {}", file.pid)).status();
            }
        }
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn psql(url: &str, sql: &str) -> Result<String, String> {
    let binaries = binaries::find(None, Path::new("/")).await.expect("postgres is installed");
    let mut psql = RunAs::Caller.command(&binaries.program("psql"));
    psql.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql, url]);
    let output = psql.output().await.expect("psql runs");
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}

fn postmaster_pid(embedded: &Embedded) -> u32 {
    pid_file::PidFile::read(embedded.cluster_dir()).expect("readable").expect("postgres runs").pid
}

async fn kill9(pid: u32) {
    let status = Command::new("sh").arg("-c").arg(format!("kill -9 {pid}")).status().await.expect("sh runs");
    assert!(status.success());
}

/// Asks until it is answered; how long that may take is not what is tested.
async fn answered(url: &str, sql: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match psql(url, sql).await {
            Ok(answer) => return answer,
            Err(error) => assert!(Instant::now() < deadline, "postgres did not come back: {error}"),
        }
    }
}

#[tokio::test]
async fn data_outlives_a_stop_and_the_second_start_is_quick() {
    let folder = Folder::new();
    let first = folder.start().await;
    assert_eq!(first.origin(), Origin::Created);
    let url = first.database_url();
    psql(&url, "create table kept (n int); insert into kept values (1)").await.expect("the owner may create");
    first.stop().await.expect("stops");
    assert!(psql(&url, "select 1").await.is_err(), "stopped means gone");

    let begun = Instant::now();
    let second = folder.start().await;
    let took = begun.elapsed();
    assert_eq!(second.origin(), Origin::Started);
    assert_eq!(second.database_url(), url, "what was exported stays true");
    assert_eq!(psql(&url, "select n from kept").await.as_deref(), Ok("1"));
    second.stop().await.expect("stops");
    assert!(took < Duration::from_secs(2), "a second start took {took:?}");
}

#[tokio::test]
async fn settings_are_those_of_a_durable_server() {
    let folder = Folder::new();
    let embedded = folder.start().await;
    let url = embedded.database_url();
    for (setting, value) in [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("listen_addresses", ""),
        ("max_locks_per_transaction", "1024"),
        ("server_encoding", "UTF8"),
        ("data_checksums", "on"),
    ] {
        assert_eq!(psql(&url, &format!("show {setting}")).await.as_deref(), Ok(value), "{setting}");
    }
    embedded.stop().await.expect("stops");
}

#[tokio::test]
async fn the_owner_is_no_superuser_and_a_tenant_cannot_change_settings() {
    let folder = Folder::new();
    let embedded = folder.start().await;
    let url = embedded.database_url();
    let owner =
        psql(&url, "select rolsuper, rolcreaterole, rolinherit from pg_roles where rolname = current_user").await;
    assert_eq!(owner.as_deref(), Ok("f|t|f"));
    psql(&url, "create role tenant; grant tenant to prefecture").await.expect("the owner may make roles");
    let injected = "begin; set local role tenant; select set_config('role', 'none', false)";
    let refused = psql(&url, injected).await.expect_err("the function is revoked");
    assert!(refused.contains("permission denied for function set_config"), "{refused}");
    let superuser = psql(&embedded.superuser_url(), "select rolsuper from pg_roles where rolname = current_user").await;
    assert_eq!(superuser.as_deref(), Ok("t"));
    embedded.stop().await.expect("stops");
}

#[tokio::test]
async fn a_second_program_on_the_same_folder_is_refused() {
    let folder = Folder::new();
    let embedded = folder.start().await;
    let refused = Embedded::start(&folder.data()).await.expect_err("the folder is locked").to_string();
    assert!(refused.contains("in use") && refused.contains(&std::process::id().to_string()), "{refused}");
    assert_eq!(psql(&embedded.database_url(), "select 1").await.as_deref(), Ok("1"), "the first is not disturbed");
    embedded.stop().await.expect("stops");
}

#[tokio::test]
async fn a_killed_postgres_is_started_again_with_what_was_committed() {
    let folder = Folder::new();
    let embedded = folder.start().await;
    let url = embedded.database_url();
    psql(&url, "create table kept (n int); insert into kept values (7)").await.expect("the owner may create");
    kill9(postmaster_pid(&embedded)).await;
    assert_eq!(answered(&url, "select n from kept").await, "7");
    embedded.stop().await.expect("stops");
}

#[tokio::test]
async fn a_postgres_left_by_a_killed_program_is_adopted_watched_and_stopped() {
    let folder = Folder::new();
    let first = folder.start().await;
    let url = first.database_url();
    let pid = postmaster_pid(&first);
    // What a kill leaves behind: Postgres runs, nobody watches it, the lock is free.
    first.supervisor.abort();
    drop(first);

    let second = folder.start().await;
    assert_eq!(second.origin(), Origin::Adopted);
    assert_eq!((postmaster_pid(&second), second.database_url()), (pid, url.clone()));
    psql(&url, "create table kept (n int); insert into kept values (3)").await.expect("the owner may create");
    kill9(pid).await;
    assert_eq!(answered(&url, "select n from kept").await, "3");
    second.stop().await.expect("stops");
    assert!(psql(&url, "select 1").await.is_err(), "stopped means gone");
}

#[tokio::test]
async fn when_both_were_killed_the_next_start_recovers() {
    let folder = Folder::new();
    let first = folder.start().await;
    let url = first.database_url();
    psql(&url, "create table kept (n int); insert into kept values (5)").await.expect("the owner may create");
    let pid = postmaster_pid(&first);
    first.supervisor.abort();
    kill9(pid).await;
    drop(first);

    let second = folder.start().await;
    assert_eq!(second.origin(), Origin::Started);
    assert_eq!(psql(&url, "select n from kept").await.as_deref(), Ok("5"));
    second.stop().await.expect("stops");
}

#[tokio::test]
async fn a_start_that_was_cut_short_leaves_nothing_in_the_way() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.data().join("postgres.unfinished/base")).expect("writable");
    let embedded = folder.start().await;
    assert_eq!(embedded.origin(), Origin::Created);
    assert!(!folder.data().join("postgres.unfinished").exists());
    embedded.stop().await.expect("stops");
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_and_full_of_odd_letters_will_do() {
    let folder = Folder::new();
    let data = folder.0.join("a, 'b' é").join("x".repeat(120));
    let embedded = Embedded::start(&data).await.expect("postgres starts");
    let url = embedded.database_url();
    assert_eq!(psql(&url, "select 1").await.as_deref(), Ok("1"), "{url}");
    let socket_dir = embedded.place.socket_dir.clone();
    embedded.stop().await.expect("stops");
    assert!(!socket_dir.exists(), "nothing is left outside the folder");
}

#[tokio::test]
async fn another_major_versions_data_is_refused_with_the_cure_and_not_touched() {
    let folder = Folder::new();
    let embedded = folder.start().await;
    let version = embedded.cluster_dir().join("PG_VERSION");
    embedded.stop().await.expect("stops");
    std::fs::write(&version, "12\n").expect("writable");
    let refused = Embedded::start(&folder.data()).await.expect_err("12 is not installed").to_string();
    assert!(refused.contains("postgresql-12") && refused.contains("pg_dump"), "{refused}");
    assert_eq!(std::fs::read_to_string(&version).ok().as_deref(), Some("12\n"));
}

/// Run by root, the folders above may be closed to the account of Postgres; as anyone else this is an ordinary start.
#[tokio::test]
async fn a_folder_that_only_its_owner_can_reach_will_do() {
    let folder = Folder::new();
    let closed = folder.0.join("closed");
    std::fs::DirBuilder::new().mode(0o700).create(&closed).expect("writable");
    let (data, outside) = (closed.join("data"), folder.0.join("outside"));
    for origin in [Origin::Created, Origin::Started] {
        let embedded = Embedded::start_with(&data, &outside).await.expect("postgres starts");
        assert_eq!(embedded.origin(), origin);
        assert_eq!(psql(&embedded.database_url(), "select 1").await.as_deref(), Ok("1"));
        embedded.stop().await.expect("stops");
    }
    let copy = closed.join("copy");
    let copied = Command::new("cp").arg("-r").arg(&data).arg(&copy).status().await.expect("cp runs");
    assert!(copied.success());
    let first = Embedded::start_with(&data, &outside).await.expect("postgres starts");
    if first.place.outside_home().is_some() {
        let refused = Embedded::start_with(&copy, &outside).await.expect_err("both lead to one cluster").to_string();
        assert!(refused.contains("in use"), "{refused}");
    }
    first.stop().await.expect("stops");
    let mode = std::fs::metadata(&closed).expect("there").mode() & 0o777;
    assert_eq!(mode, 0o700, "what lies above is not opened");
}

#[tokio::test]
async fn a_copy_of_the_folder_starts_with_the_same_data() {
    let folder = Folder::new();
    let embedded = folder.start().await;
    psql(&embedded.database_url(), "create table kept (n int); insert into kept values (9)").await.expect("may create");
    embedded.stop().await.expect("stops");

    let copied = folder.0.join("copy");
    let copy = Command::new("cp").arg("-r").arg(folder.data()).arg(&copied).status().await.expect("cp runs");
    assert!(copy.success());
    let embedded = Embedded::start_with(&copied, &folder.0.join("outside")).await.expect("postgres starts");
    assert_eq!(psql(&embedded.database_url(), "select n from kept").await.as_deref(), Ok("9"));
    embedded.stop().await.expect("stops");
}

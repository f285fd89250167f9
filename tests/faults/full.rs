//! A database whose disk is full: what it cannot store is refused and may be sent again, what it has is read as long as it
//! runs, and nothing that was acknowledged is lost.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tests::{Cluster, Disk, eventually};

use crate::ground::Ground;

/// Room for the cluster, its log of writes, and a little more.
const MEGABYTES: usize = 200;
/// How long the disk stays full.
const FULL: Duration = Duration::from_secs(4);
const WRITERS: usize = 4;

#[test]
fn a_disk_without_room() {
    let Some(disk) = Disk::of(MEGABYTES) else {
        eprintln!("SKIPPED: a full disk needs root, who may mount one");
        return;
    };
    let cluster = Cluster::on(&disk);
    let ground = Ground::on(cluster);
    disk.fill();
    // What still fits into pages and into the log is taken, and counts.
    let mut kept = Vec::new();
    eventually("writes are refused", || {
        let (name, answer) = ground.fat_write();
        match answer.status {
            201 => kept.push(name),
            _ => return Ok(()),
        }
        Err("not yet")
    });
    let until = Instant::now() + FULL;
    let reads = AtomicUsize::new(0);
    let more: Vec<String> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| {
                scope.spawn(|| {
                    let mut kept = Vec::new();
                    while Instant::now() < until {
                        let (name, answer) = ground.fat_write();
                        match answer.status {
                            201 => kept.push(name),
                            503 => assert!(answer.header("retry-after").is_some(), "{:?}", answer.headers),
                            other => panic!("{other}: {}", answer.body),
                        }
                        ground.tenant.api().get(&ground.flow).expect(200);
                        reads.fetch_add(1, Ordering::Relaxed);
                    }
                    kept
                })
            })
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().expect("it is answered")).collect()
    });
    kept.extend(more);
    assert!(reads.into_inner() > 0 && cluster.runs(), "reads go on");
    disk.make_room();
    ground.recovers();
    ground.are_there(&kept);
}

/// Where there is no room for its log, Postgres gives up: it is a database that is away, until whoever made room starts it.
#[test]
fn a_disk_without_room_for_the_log() {
    let Some(disk) = Disk::of(MEGABYTES) else {
        eprintln!("SKIPPED: a full disk needs root, who may mount one");
        return;
    };
    let cluster = Cluster::on(&disk);
    let ground = Ground::on(cluster);
    disk.fill();
    let mut kept = Vec::new();
    eventually("postgres has given up", || {
        // Each time the rest of a piece of the log is given away.
        let _ = ground.database.try_sql("select pg_switch_wal()");
        let (name, answer) = ground.write();
        match answer.status {
            201 => kept.push(name),
            503 => assert!(answer.header("retry-after").is_some(), "{:?}", answer.headers),
            other => panic!("{other}: {}", answer.body),
        }
        if cluster.runs() { Err("it runs") } else { Ok(()) }
    });
    ground.is_refused();
    disk.make_room();
    cluster.start_postgres();
    ground.recovers();
    ground.are_there(&kept);
}

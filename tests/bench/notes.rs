//! What the figures depend on: the machine, the versions, the settings.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::scene::{POSTGRES, Scene, data_folder};

pub fn render(scene: &Scene, took: Duration) -> String {
    let database = scene.cluster.database();
    let cpu = line_of("/proc/cpuinfo", "model name").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, |count| count.get());
    let memory = line_of("/proc/meminfo", "MemTotal").unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let data = data_folder(&database);
    let settings: Vec<String> =
        POSTGRES.iter().map(|(name, _)| format!("{name} {}", database.sql(&format!("show {name}")))).collect();
    let scale = &scene.scale;
    let mut out = String::new();
    let mut note = |text: String| {
        let _ = writeln!(out, "* {text}");
    };
    note(format!(
        "{cores} cores ({cpu}), memory {memory}, Linux {}; server, Postgres and load generator share them.",
        kernel.trim()
    ));
    note(format!(
        "{}; {}; otherwise its defaults.",
        database.sql("select split_part(version(), ' on ', 1)"),
        settings.join(", ")
    ));
    note(format!("A write of 8 kB with fdatasync takes {} here.", fdatasync(&data)));
    note(format!(
        "This program: {}, its defaults{}. The reference: {}, its defaults, without its analytics.",
        version(tests::program().as_path()),
        given(&scene.measure.settings),
        reference_version()
    ));
    note(format!(
        "{} connections, steps of {:?} after {:?} of warming up ({:?} and {:?} for the reference), medians of {}; the rounds take turns. Spread over workspaces the first round warms up sixteen times as long: a connection learns each schema once.",
        scene.measure.connections,
        scale.times.counted,
        scale.times.warm,
        scale.reference_times.counted,
        scale.reference_times.warm,
        scale.rounds
    ));
    note("The limit of writes and lists is pgbench with the statements that this program was seen to send, in as many round trips, ids counted up. The limit of reads answers a body made beforehand.".to_owned());
    note(format!(
        "The whole took {} s; at its end the load average was {}.",
        took.as_secs(),
        load.split_whitespace().next().unwrap_or_default()
    ));
    if scene.measure.quick {
        note("**A quick run: short steps on little data. It shows that everything runs, not how fast.**".to_owned());
    }
    out
}

fn given(settings: &[String]) -> String {
    if settings.is_empty() { String::new() } else { format!(" but for {}", settings.join(", ")) }
}

fn line_of(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim_start_matches([' ', '\t', ':']).trim().to_owned())
}

fn version(program: &Path) -> String {
    let output = Command::new(program).arg("--version").output();
    output.map_or_else(|_| "unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn reference_version() -> &'static str {
    "Prefect 3.9.1"
}

/// The median of a few.
fn fdatasync(folder: &Path) -> String {
    let path = folder.join("bench-fdatasync");
    let measured = File::create(&path).and_then(|mut file| {
        let mut times = Vec::new();
        for _ in 0..101 {
            file.write_all(&[0; 8192])?;
            let begun = Instant::now();
            file.sync_data()?;
            times.push(begun.elapsed());
        }
        times.sort();
        Ok(times[times.len() / 2])
    });
    let _ = fs::remove_file(&path);
    measured.map_or_else(|error| error.to_string(), |time| format!("{time:.0?}"))
}

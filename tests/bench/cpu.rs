//! Where processor time goes, by process: the server, Postgres, and the load generator itself.

use std::collections::{HashMap, HashSet};
use std::fs;

use tokio::time::Instant;

/// The processes that are told apart. Each stands for itself and all it started.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    pub server: Vec<u32>,
    pub postgres: Vec<u32>,
    /// Beside this process.
    pub generator: Vec<u32>,
}

/// Seconds of processor time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spent {
    pub server: f64,
    pub postgres: f64,
    pub generator: f64,
}

/// Linux counts processor time in hundredths of a second wherever Rust runs.
const TICKS_PER_SECOND: f64 = 100.0;

struct Process {
    parent: u32,
    /// Its own and that of children that have ended.
    ticks: u64,
}

impl Watch {
    /// What each has spent since it began.
    pub fn now(&self) -> Spent {
        let processes = processes();
        let of = |roots: &[u32]| family(&processes, roots).iter().map(|pid| processes[pid].ticks).sum::<u64>() as f64;
        let own = processes.get(&std::process::id()).map_or(0, |process| process.ticks) as f64;
        let generators = of(&self.generator);
        Spent {
            server: of(&self.server) / TICKS_PER_SECOND,
            postgres: of(&self.postgres) / TICKS_PER_SECOND,
            generator: (own + generators) / TICKS_PER_SECOND,
        }
    }
}

impl Watch {
    /// What each spends between two moments.
    pub async fn between(self, begin: Instant, end: Instant) -> Spent {
        tokio::time::sleep_until(begin).await;
        let before = self.now();
        tokio::time::sleep_until(end).await;
        self.now().since(before)
    }
}

impl Spent {
    pub fn since(self, before: Spent) -> Spent {
        Spent {
            server: self.server - before.server,
            postgres: self.postgres - before.postgres,
            generator: self.generator - before.generator,
        }
    }
}

/// Resident memory of a process and all it started, in MB.
pub fn resident(root: u32) -> f64 {
    let processes = processes();
    family(&processes, &[root]).iter().map(|pid| status(*pid, "VmRSS:")).sum::<f64>() / 1024.0
}

/// The most that the process alone ever had, in MB.
pub fn peak(pid: u32) -> f64 {
    status(pid, "VmHWM:") / 1024.0
}

/// Memory of a process and all it started, in MB, what they share counted once.
pub fn proportional(root: u32) -> f64 {
    let processes = processes();
    let of = |pid: &u32| number_in(&format!("/proc/{pid}/smaps_rollup"), "Pss:");
    family(&processes, &[root]).iter().map(of).sum::<f64>() / 1024.0
}

/// Of a process alone, in kB.
fn status(pid: u32, name: &str) -> f64 {
    number_in(&format!("/proc/{pid}/status"), name)
}

/// The number behind a name in one of the kernel's files.
fn number_in(file: &str, name: &str) -> f64 {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0.0)
}

fn family(processes: &HashMap<u32, Process>, roots: &[u32]) -> HashSet<u32> {
    let mut family: HashSet<u32> = roots.iter().copied().filter(|pid| processes.contains_key(pid)).collect();
    loop {
        let more: Vec<u32> = processes
            .iter()
            .filter(|(pid, process)| family.contains(&process.parent) && !family.contains(pid))
            .map(|(pid, _)| *pid)
            .collect();
        if more.is_empty() {
            return family;
        }
        family.extend(more);
    }
}

fn processes() -> HashMap<u32, Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name may hold anything; what follows its last parenthesis are numbers.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        // State, parent …; user and system time of its own and of ended children are fields 14 to 17 of proc(5).
        let ticks = number(11)? + number(12)? + number(13)? + number(14)?;
        Some((pid, Process { parent: u32::try_from(number(1)?).ok()?, ticks }))
    })
    .collect()
}

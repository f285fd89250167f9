//! Cleans up after the test process, however it ends.
//!
//! A server that all tests share lives in a static, and statics are never dropped; a killed process drops nothing at all.
//! So a small shell is started beside the tests and told what there is. Its input ends when the test process does, and
//! then it ends every program and removes every folder that it was told of.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Lines: `run SIGNAL PID`, `gone PID`, `dir PATH`, `disk PATH`, and `keep` for leaving folders alone.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
pids=' '
disks=
keep=
while IFS= read -r line; do
  rest=${line#* }
  case $line in
    run*) pids=" $(echo "$rest" | tr ' ' ':')$pids" ;;
    gone*) pids=$(echo "$pids" | sed "s/ [A-Z]*:$rest / /") ;;
    dir*) set -- "$@" "$rest" ;;
    disk*) disks="$disks $rest" ;;
    keep) keep=1 ;;
  esac
done
for entry in $pids; do kill -s "${entry%:*}" "${entry#*:}" 2>/dev/null; done
tries=0
for entry in $pids; do
  while kill -0 "${entry#*:}" 2>/dev/null && [ $tries -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done
done
for disk in $disks; do umount -l "$disk" 2>/dev/null; done
[ -n "$keep" ] || rm -rf -- "$@"
"#;

static SHELL: OnceLock<Mutex<ChildStdin>> = OnceLock::new();

/// `KEEP=1`: data and logs stay for a look.
pub fn keep() -> bool {
    std::env::var_os("KEEP").is_some_and(|value| value != "0")
}

pub(crate) fn remove_at_the_end(folder: &Path) {
    tell(&format!("dir {}", folder.display()));
}

pub(crate) fn unmount_at_the_end(path: &Path) {
    tell(&format!("disk {}", path.display()));
}

/// `signal` is what ends the program quickly and cleanly: QUIT for Postgres, KILL for the rest.
pub(crate) fn end_at_the_end(pid: u32, signal: &str) {
    tell(&format!("run {signal} {pid}"));
}

/// The number may soon be another program's.
pub(crate) fn has_ended(pid: u32) {
    tell(&format!("gone {pid}"));
}

#[expect(clippy::zombie_processes, reason = "the shell outlives this process, so nobody can wait for it")]
fn tell(line: &str) {
    let shell = SHELL.get_or_init(|| {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "reaper"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // A Ctrl-C ends the tests, not what cleans up after them.
        command.process_group(0).current_dir("/");
        let mut child = command.spawn().expect("a shell is there");
        let mut stdin = child.stdin.take().expect("it was asked for");
        if keep() {
            writeln!(stdin, "keep").expect("the shell reads");
        }
        Mutex::new(stdin)
    });
    let mut stdin = shell.lock().unwrap_or_else(PoisonError::into_inner);
    writeln!(stdin, "{line}").expect("the shell reads until this process ends");
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;

    use super::*;
    use crate::wait::eventually;

    /// Stands for a test process: its end is the end of the shell's input.
    #[test]
    fn when_the_tests_end_programs_are_ended_and_folders_removed() {
        let folder = std::env::temp_dir().join(format!("prefecture-reaper {}", uuid::Uuid::new_v4().simple()));
        fs::create_dir(&folder).expect("writable");
        let [mut ended, mut left_alone] = [(); 2].map(|()| {
            let mut cat = Command::new("cat");
            cat.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("cat is there")
        });
        let mut shell = Command::new("sh");
        let mut shell = shell.args(["-c", SCRIPT, "reaper"]).stdin(Stdio::piped()).spawn().expect("a shell is there");
        let mut stdin = shell.stdin.take().expect("it was asked for");
        let lines = [
            format!("dir {}", folder.display()),
            format!("run KILL {}", ended.id()),
            format!("run KILL {}", left_alone.id()),
            format!("gone {}", left_alone.id()),
        ];
        for line in lines {
            writeln!(stdin, "{line}").expect("the shell reads");
        }
        assert!(ended.try_wait().expect("a child").is_none() && folder.exists(), "nothing happens before the end");
        drop(stdin);
        eventually("the program has ended", || ended.try_wait().expect("a child").ok_or("it runs"));
        shell.wait().expect("a child");
        assert!(!folder.exists());
        assert!(left_alone.try_wait().expect("a child").is_none(), "its number is not the reaper's any more");
        drop(left_alone.stdin.take());
        let mut rest = String::new();
        left_alone.stdout.take().expect("piped").read_to_string(&mut rest).expect("readable");
        left_alone.wait().expect("a child");
    }
}

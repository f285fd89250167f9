//! Load in open loop: a request is sent when it is due, whether the last was answered or not, and its time counts from when
//! it was due. A closed loop waits with a server that hangs, and so never sees that it did (coordinated omission).
//!
//! The generator is `oha`, on one thread. Its clock ticks in milliseconds: at 5,000 requests a second five are due at once.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use ::tests::Folder;
use tokio::process::Command;
use tokio::time::Instant;

use crate::Result;
use crate::cpu::Watch;
use crate::http::Target;
use crate::load::{Measured, Times};

/// What is asked, at random one of the paths each time.
#[derive(Debug, Clone)]
pub struct Asked {
    pub paths: Vec<String>,
    /// Of a POST; else it is a GET.
    pub body: Option<String>,
}

#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Requests a second; without one as many as there are answers, which is a closed loop.
    pub rate: Option<f64>,
    /// Requests that can be under way at once. More than the server takes, or the load is not open.
    pub connections: usize,
}

/// What was answered in the time that counts, whenever it was sent. An answer that is no success is a failure; what was not
/// answered is neither.
pub async fn run(target: &Target, asked: &Asked, load: Load, times: Times, watch: &Watch) -> Result<Measured> {
    let folder = Folder::new("oha");
    let (urls, body, out) = (folder.path().join("urls"), folder.path().join("body"), folder.path().join("answers.csv"));
    let url = |path: &String| format!("http://{}{}{path}\n", target.address, target.base);
    std::fs::write(&urls, asked.paths.iter().map(url).collect::<String>())?;
    let mut oha = Command::new(program());
    oha.args(["--no-tui", "--worker-threads", "1", "--disable-compression", "--output-format", "csv", "-o"]).arg(&out);
    // A little longer than counts, so that its processor time can be read at the end of that.
    let whole = times.warm + times.counted + Duration::from_millis(50);
    oha.args(["-z", &format!("{}ms", whole.as_millis()), "-c", &load.connections.to_string()]);
    if let Some(rate) = load.rate {
        oha.args(["--latency-correction", "-q", &format!("{rate:.1}")]);
    }
    if let Some(key) = &target.key {
        oha.args(["-H", &format!("authorization: Bearer {key}")]);
    }
    if let Some(text) = &asked.body {
        std::fs::write(&body, text)?;
        oha.args(["-m", "POST", "-T", "application/json", "-D"]).arg(&body);
    }
    oha.arg("--urls-from-file").arg(&urls).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let oha = oha.kill_on_drop(true).spawn();
    let oha = oha.map_err(|error| format!("oha cannot be run ({error}); tests/bench/run installs it"))?;
    let begin = Instant::now() + times.warm;
    let watch = Watch { generator: oha.id().into_iter().collect(), ..watch.clone() };
    let (output, spent) = tokio::join!(oha.wait_with_output(), watch.between(begin, begin + times.counted));
    let output = output?;
    if !output.status.success() {
        return Err(format!("oha: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(Measured { spent, ..measured(&std::fs::read_to_string(&out)?, times)? })
}

/// From lines of `request-start,DNS,DNS+dialup,Response-delay,request-duration,bytes,status`, times in seconds. The delay
/// counts from when a request was sent, the duration from when it was due.
fn measured(csv: &str, times: Times) -> Result<Measured> {
    let counted = times.warm.as_secs_f64()..(times.warm + times.counted).as_secs_f64();
    let mut measured = Measured { elapsed: times.counted, ..Measured::default() };
    for line in csv.lines().skip(1) {
        let fields: Vec<f64> = line.split(',').map(str::parse).collect::<std::result::Result<_, _>>()?;
        let &[start, _, _, delay, duration, _, status] = &fields[..] else {
            return Err(format!("oha wrote {line:?}").into());
        };
        if !counted.contains(&(start + delay)) {
            continue;
        }
        if matches!(status as u16, 200..300 | 304) {
            measured.done += 1;
            let micros = Duration::from_secs_f64(duration).as_micros();
            measured.latencies.push(u32::try_from(micros).unwrap_or(u32::MAX));
        } else {
            measured.failed += 1;
            measured.failure.get_or_insert_with(|| status.to_string());
        }
    }
    measured.latencies.sort_unstable();
    Ok(measured)
}

fn program() -> PathBuf {
    std::env::var_os("OHA").map_or_else(|| PathBuf::from("oha"), PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_answered_in_time_counts() -> Result<()> {
        let csv = "request-start,DNS,DNS+dialup,Response-delay,request-duration,bytes,status\n\
                   0.1,0,0,0.2,0.2,9,200\n0.9,0,0,0.2,0.5,9,200\n1.0,0,0,0.1,0.1,9,503\n2.9,0,0,0.2,0.2,9,200\n";
        let measured = measured(csv, Times { warm: Duration::from_secs(1), counted: Duration::from_secs(2) })?;
        assert_eq!((measured.done, measured.failed, measured.latencies), (1, 1, vec![500_000]));
        Ok(())
    }
}

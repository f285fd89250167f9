//! The side that asks: starts the process, hands it the templates, reads what they became.

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::{Said, child};
use crate::config::TemplateSettings;

/// This program, also where its file was replaced since it began.
const THIS: &str = "/proc/self/exe";
/// The process is polite; so long, by the clock, it may wait for its time on a busy machine.
const PATIENCE: u32 = 10;
/// Text in JSON takes up to six bytes for one, and a template that became nothing a few.
const LONGER: u64 = 6;
const A_LINE: u64 = 256;

/// What became of templates: of the first ones, if the process was ended.
pub struct Done {
    pub became: Vec<Result<String, String>>,
    /// Processor time.
    pub took: Duration,
}

pub async fn render(settings: &TemplateSettings, templates: &[String], room: usize) -> std::io::Result<Done> {
    let all = serde_json::to_vec(templates)?;
    let most = LONGER * room as u64 + A_LINE * templates.len() as u64;
    let said = tokio::time::timeout(settings.template_time * PATIENCE, talk(settings, &all, most)).await;
    let said = said.unwrap_or_else(|_| Ok(Vec::new()))?;
    // A process that did not come to its end used up all of it.
    let mut done = Done { became: Vec::new(), took: settings.template_time };
    for line in said.split(|byte| *byte == b'\n') {
        match serde_json::from_slice(line) {
            Ok(Said::Made(text)) => done.became.push(Ok(text)),
            Ok(Said::Refused(why)) => done.became.push(Err(why)),
            Ok(Said::Took(micros)) => done.took = Duration::from_micros(micros),
            // The end, or a line that was cut off.
            Err(_) => break,
        }
    }
    if done.became.len() < templates.len() {
        tracing::info!(
            templates = templates.len(),
            "a process that rendered templates was ended, or went beyond its bounds"
        );
    }
    Ok(done)
}

async fn talk(settings: &TemplateSettings, templates: &[u8], most: u64) -> std::io::Result<Vec<u8>> {
    let mut process = Command::new(THIS)
        .arg0(child::NAME)
        .args(child::arguments(settings).iter().map(OsStr::new))
        // It is to know nothing. Its memory is taken bit by bit, or the bound of it would not count.
        .env_clear()
        .env("MIMALLOC_ARENA_EAGER_COMMIT", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let mut said = Vec::new();
    if let (Some(mut to), Some(from)) = (process.stdin.take(), process.stdout.take()) {
        // What a process that is gone did not take, it did not render either.
        let _ = to.write_all(templates).await;
        drop(to);
        from.take(most).read_to_end(&mut said).await?;
    }
    // It may not have said all.
    process.kill().await?;
    Ok(said)
}

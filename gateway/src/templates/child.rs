//! The process that renders: bounds itself, reads templates, says what they become, ends.

use std::io::{Read, Write};
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::Said;
use crate::config::TemplateSettings;

/// What the process is called, in the list of processes too: it has no place among the commands.
pub const NAME: &str = "prefecture-templates";
/// It gives way to what serves.
const NICENESS: i32 = 10;

/// Memory in bytes and time in seconds.
pub fn arguments(settings: &TemplateSettings) -> [String; 2] {
    [settings.template_memory.to_string(), settings.template_time.as_secs().to_string()]
}

/// Whether this process was started to render.
pub fn is_child() -> bool {
    std::env::args_os().next().is_some_and(|name| name == NAME)
}

pub fn run() -> ExitCode {
    match rendered() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn rendered() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut number = || arguments.next().ok_or("a bound lacks")?.parse::<u64>().map_err(|_| "no bound");
    bounded(number()?, number()?)?;
    let mut templates = Vec::new();
    std::io::stdin().read_to_end(&mut templates)?;
    let templates: Vec<String> = serde_json::from_slice(&templates)?;
    for template in &templates {
        say(&match domain::templates::render(template) {
            Ok(text) => Said::Made(text),
            Err(why) => Said::Refused(why),
        })?;
    }
    let took = clock_gettime(ClockId::ProcessCPUTime);
    say(&Said::Took(took.tv_sec as u64 * 1_000_000 + took.tv_nsec as u64 / 1000))
}

fn bounded(memory: u64, seconds: u64) -> rustix::io::Result<()> {
    let most = |limit| Rlimit { current: Some(limit), maximum: Some(limit) };
    setrlimit(Resource::Data, most(memory))?;
    setrlimit(Resource::Cpu, most(seconds))?;
    setrlimit(Resource::Fsize, most(0))?;
    setrlimit(Resource::Core, most(0))?;
    rustix::process::nice(NICENESS)?;
    Ok(())
}

/// At once: what was said counts, whatever comes of the next one.
fn say(said: &Said) -> Result<(), Box<dyn std::error::Error>> {
    let mut line = serde_json::to_vec(said)?;
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&line)?;
    Ok(out.flush()?)
}

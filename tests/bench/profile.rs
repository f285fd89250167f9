//! Profiles for whoever asks why a row is as it is: perf over the whole machine while a step of this program runs, and of
//! it the time of each process and of each function of the program and of Postgres, as text.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::Result;
use crate::scene::Scene;

#[derive(Debug)]
pub struct Profile {
    perf: Child,
    data: PathBuf,
}

impl Profile {
    /// Begins one if profiles are wanted.
    pub fn begin(scene: &Scene, row: &str) -> Result<Option<Profile>> {
        let Some(folder) = &scene.measure.perf else { return Ok(None) };
        std::fs::create_dir_all(folder)?;
        let data = folder.join(format!("{row}.data"));
        let seconds = scene.scale.times.warm + scene.scale.times.counted;
        let mut perf = Command::new("perf");
        perf.args(["record", "-q", "-a", "-F", "997", "-o"]).arg(&data);
        perf.args(["--", "sleep", &seconds.as_secs_f64().to_string()]);
        let perf = perf.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let perf = perf.map_err(|error| format!("perf cannot be run (apt-get install linux-perf): {error}"))?;
        Ok(Some(Profile { perf, data }))
    }

    pub fn end(profile: Option<Profile>) -> Result<()> {
        let Some(Profile { mut perf, data }) = profile else { return Ok(()) };
        perf.wait()?;
        let mut text = Vec::new();
        let reports: [&[&str]; 3] = [
            &["--sort", "comm,dso"],
            &["--sort", "dso,symbol", "--comms", "prefecture,tokio-rt-worker"],
            &["--sort", "dso,symbol", "--comms", "postgres"],
        ];
        for report in reports {
            let mut perf = Command::new("perf");
            perf.args(["report", "--stdio", "--no-children", "--percent-limit", "0.3", "-w", "24,100", "-i"])
                .arg(&data)
                .args(report);
            text.extend(perf.output()?.stdout);
        }
        Ok(std::fs::write(data.with_extension("txt"), text)?)
    }
}

//! A wall clock of a test's own, by which programs go that are started with it, and which jumps when it is told. Only the
//! wall clock: monotonic time goes on as it does.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::process::Command;

use crate::folder::Folder;
use crate::process::output;

#[derive(Debug)]
pub struct Clock {
    file: File,
    env: [(&'static str, String); 2],
    _folder: Folder,
}

impl Clock {
    /// As the machine's.
    pub fn start() -> Clock {
        let folder = Folder::new("clock");
        let (source, library) = (folder.path().join("clock.c"), folder.path().join("clock.so"));
        std::fs::write(&source, include_str!("clock.c")).expect("the folder is ours");
        let mut compile = Command::new("cc");
        compile.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(&source);
        output(compile);
        let ahead = folder.path().join("ahead");
        let file = File::create(&ahead).expect("the folder is ours");
        let env = [("LD_PRELOAD", library.display().to_string()), ("WALL_CLOCK", ahead.display().to_string())];
        let clock = Clock { file, env, _folder: folder };
        clock.set(0);
        clock
    }

    /// So many seconds before or behind the machine's, from now on.
    pub fn set(&self, seconds: i64) {
        self.file.write_all_at(&seconds.to_ne_bytes(), 0).expect("it is ours");
    }

    pub(crate) fn env(&self) -> &[(&'static str, String)] {
        &self.env
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_jumps_for_those_who_go_by_it() {
        let clock = Clock::start();
        let date = |format: &str| {
            let mut date = Command::new("date");
            date.arg(format).envs(clock.env().iter().cloned());
            output(date).trim().parse::<i64>().expect("a number")
        };
        let before = date("+%s");
        clock.set(3600);
        assert!((before + 3600..before + 3660).contains(&date("+%s")));
        clock.set(-3600);
        assert!((before - 3600..before - 3540).contains(&date("+%s")));
    }
}

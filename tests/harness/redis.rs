//! A private Redis: `redis-server`, or `valkey-server` where that is what the system has.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

use crate::folder::Folder;
use crate::port::free_port;
use crate::process::Running;
use crate::wait::eventually;

/// Ended when dropped.
#[derive(Debug)]
pub struct Redis {
    running: Option<Running>,
    port: u16,
    folder: Folder,
    flavour: Flavour,
}

/// As what it is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    Single,
    /// A cluster of one node, which has all slots.
    Cluster,
    /// Nobody gets in without the password.
    Password,
}

const PASSWORD: &str = "hunter2";

impl Redis {
    pub fn start() -> Redis {
        Redis::start_as(Flavour::Single)
    }

    pub fn start_as(flavour: Flavour) -> Redis {
        let mut redis = Redis { running: None, port: free_port(), folder: Folder::new("redis"), flavour };
        redis.start_again();
        redis
    }

    pub fn url(&self) -> String {
        match self.flavour {
            Flavour::Single => format!("redis://127.0.0.1:{}", self.port),
            Flavour::Cluster => format!("redis+cluster://127.0.0.1:{}", self.port),
            Flavour::Password => format!("redis://:{PASSWORD}@127.0.0.1:{}", self.port),
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Everything in it is lost, which the program must not mind.
    pub fn kill9(&mut self) {
        self.running = None;
    }

    /// `STOP` makes it hang, `CONT` lets it go on.
    pub fn signal(&self, name: &str) {
        self.running.as_ref().expect("redis runs").signal(name);
    }

    /// On the same port, after a kill.
    pub fn start_again(&mut self) {
        assert!(self.running.is_none(), "redis runs already");
        let mut command = Command::new(program());
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        match self.flavour {
            Flavour::Single => {}
            Flavour::Cluster => drop(command.args(["--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1"])),
            Flavour::Password => drop(command.args(["--requirepass", PASSWORD])),
        }
        command.current_dir(self.folder.path());
        let mut running = Running::start("redis", command, &self.folder.path().join("redis.log"), "KILL");
        eventually("redis listens", || {
            assert!(running.ended().is_none(), "redis did not start");
            TcpStream::connect(("127.0.0.1", self.port)).map(drop)
        });
        self.running = Some(running);
        if self.flavour == Flavour::Cluster {
            self.command("CLUSTER ADDSLOTSRANGE 0 16383");
            eventually("the cluster is well", || match self.command("CLUSTER INFO") {
                info if info.contains("cluster_state:ok") => Ok(()),
                info => Err(info),
            });
        }
    }

    /// What it answers to a command, as it comes.
    pub fn command(&self, line: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("redis listens");
        let auth = if self.flavour == Flavour::Password { format!("AUTH {PASSWORD}\r\n") } else { String::new() };
        write!(stream, "{auth}{line}\r\nQUIT\r\n").expect("redis reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("redis answers in text");
        answer
    }
}

fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs: Vec<PathBuf> = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]).collect();
    let found = ["redis-server", "valkey-server"]
        .iter()
        .find_map(|name| dirs.iter().map(|dir| dir.join(name)).find(|path| path.is_file()));
    found.expect("Redis: sudo apt-get install -y redis-server")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back_on_the_same_port_after_a_kill() {
        let mut redis = Redis::start();
        let url = redis.url();
        redis.kill9();
        redis.start_again();
        assert_eq!(redis.url(), url);
    }
}

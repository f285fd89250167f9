//! PgBouncer in front of the cluster, with few connections to it, so that clients must share them.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use crate::cluster::{Cluster, unprivileged};
use crate::folder::Folder;
use crate::port::free_port;
use crate::process::Running;
use crate::wait::eventually;

/// Ended when dropped.
#[derive(Debug)]
pub struct PgBouncer {
    _running: Running,
    port: u16,
    _folder: Folder,
}

impl PgBouncer {
    /// `mode` is PgBouncer's `pool_mode`.
    pub fn before(cluster: &Cluster, mode: &str) -> PgBouncer {
        let (folder, port) = (Folder::new("pgbouncer"), free_port());
        let (conf, users) = (folder.path().join("pgbouncer.ini"), folder.path().join("users.txt"));
        std::fs::write(&users, "\"prefecture_serve\" \"\"\n\"prefecture\" \"\"\n").expect("the folder is ours");
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = {mode}\ndefault_pool_size = 3\n\
             max_client_conn = 200\n",
            cluster.port(),
            users.display()
        );
        std::fs::write(&conf, text).expect("the folder is ours");
        let mut pgbouncer = Command::new(installed("pgbouncer"));
        pgbouncer.arg(&conf);
        if folder.is_roots() {
            let (uid, gid) = unprivileged();
            pgbouncer.uid(uid).gid(gid);
        }
        let mut running = Running::start("pgbouncer", pgbouncer, &folder.path().join("pgbouncer.log"), "QUIT");
        eventually("pgbouncer listens", || {
            assert!(running.ended().is_none(), "pgbouncer did not start:\n{}", running.log());
            std::net::TcpStream::connect(("127.0.0.1", port)).map(drop)
        });
        PgBouncer { _running: running, port, _folder: folder }
    }

    pub fn port(&self) -> u16 {
        self.port
    }
}

/// Where Debian puts servers, which no ordinary user's PATH names.
pub fn installed(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut dirs = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    dirs.find_map(|dir| Some(dir.join(name)).filter(|file| file.is_file()))
        .unwrap_or_else(|| panic!("{name}: sudo apt-get install -y {name}"))
}

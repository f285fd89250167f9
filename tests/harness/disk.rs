//! A small disk, which can be full. Only root has one: it is a file system in memory.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::folder::Folder;
use crate::reaper;

/// Gone when dropped, with everything on it.
#[derive(Debug)]
pub struct Disk(Folder);

impl Disk {
    /// `None` where nobody may mount one.
    pub fn of(megabytes: usize) -> Option<Disk> {
        let folder = Folder::new("disk");
        reaper::unmount_at_the_end(folder.path());
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={megabytes}m,mode=0711"), "tmpfs"]).arg(folder.path());
        mount.output().is_ok_and(|output| output.status.success()).then_some(Disk(folder))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes all that is left of it.
    pub fn fill(&self) {
        let mut file = fs::File::create(self.filling()).expect("there is room for a name");
        let (mut piece, bytes) = (1 << 20, vec![b'x'; 1 << 20]);
        // What has no room is written in smaller pieces.
        while piece > 0 {
            if file.write_all(&bytes[..piece]).is_err() {
                piece /= 2;
            }
        }
    }

    pub fn make_room(&self) {
        fs::remove_file(self.filling()).expect("it was filled");
    }

    fn filling(&self) -> PathBuf {
        self.path().join("filling")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

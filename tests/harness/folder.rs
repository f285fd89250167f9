//! Folders that live as long as the test process.

use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::reaper;

/// A folder that is removed when this is dropped, and at the latest when the process ends.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Others may pass through it: as root, Postgres runs under another account.
    pub fn new(name: &str) -> Folder {
        let parent = std::env::temp_dir();
        let path = parent.join(format!("prefecture-{name}-{}", uuid::Uuid::new_v4().simple()));
        let made = std::fs::DirBuilder::new().mode(0o711).create(&path);
        made.unwrap_or_else(|error| panic!("cannot make {}: {error}", path.display()));
        reaper::remove_at_the_end(&path);
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Whether what this process makes belongs to root.
    pub fn is_roots(&self) -> bool {
        std::fs::metadata(&self.0).is_ok_and(|metadata| metadata.uid() == 0)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if reaper::keep() {
            eprintln!("kept: {}", self.0.display());
            return;
        }
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

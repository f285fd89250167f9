//! Certificates for tests, each its own authority.

use std::path::{Path, PathBuf};

use tests::Folder;

pub struct Certificate {
    certificate: String,
    key: String,
}

impl Certificate {
    /// For this machine's own names.
    pub fn new() -> Certificate {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate is made");
        Certificate { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() }
    }

    /// Writes both files where a server looks for them.
    pub fn write(&self, folder: &Folder) -> (PathBuf, PathBuf) {
        let (certificate, key) = paths(folder);
        put(&certificate, &self.certificate);
        put(&key, &self.key);
        (certificate, key)
    }

    pub fn write_without_key(&self, folder: &Folder) {
        put(&paths(folder).0, &self.certificate);
    }

    /// For clients, which keep it apart from what the server is given.
    pub fn authority(&self, folder: &Folder, name: &str) -> PathBuf {
        let path = folder.path().join(name);
        put(&path, &self.certificate);
        path
    }
}

fn paths(folder: &Folder) -> (PathBuf, PathBuf) {
    (folder.path().join("tls.crt"), folder.path().join("tls.key"))
}

fn put(path: &Path, text: &str) {
    std::fs::write(path, text).expect("the folder is ours");
}

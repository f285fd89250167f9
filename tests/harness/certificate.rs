//! Certificates of this machine's own names: each its own authority, or of an authority that no system knows.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::folder::Folder;

#[derive(Debug)]
pub struct Certificate {
    certificate: String,
    key: String,
}

/// Signs certificates.
#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// A new one, which nobody trusts yet.
    #[expect(clippy::new_without_default, reason = "each is another")]
    pub fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("no name is no wrong name");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key is made");
        Authority(CertifiedIssuer::self_signed(params, key).expect("a certificate is made"))
    }

    pub fn issue(&self) -> Certificate {
        let key = KeyPair::generate().expect("a key is made");
        let params = CertificateParams::new(names()).expect("they are names");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate is made");
        Certificate { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// For those who are to trust it.
    pub fn write(&self, folder: &Folder, name: &str) -> PathBuf {
        let path = folder.path().join(name);
        put(&path, &self.0.pem());
        path
    }
}

impl Certificate {
    /// Signed by itself.
    #[expect(clippy::new_without_default, reason = "each is another")]
    pub fn new() -> Certificate {
        let made = rcgen::generate_simple_self_signed(names()).expect("a certificate is made");
        Certificate { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() }
    }

    /// Certificate and key, as PEM.
    pub fn pem(&self) -> (&str, &str) {
        (&self.certificate, &self.key)
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

fn names() -> Vec<String> {
    vec!["localhost".to_owned(), "127.0.0.1".to_owned()]
}

fn paths(folder: &Folder) -> (PathBuf, PathBuf) {
    (folder.path().join("tls.crt"), folder.path().join("tls.key"))
}

fn put(path: &Path, text: &str) {
    std::fs::write(path, text).expect("the folder is ours");
}

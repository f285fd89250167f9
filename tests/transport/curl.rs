//! `curl`, which speaks HTTP/2 and TLS, and unpacks what it asked for.

use std::process::Command;

pub struct Got {
    /// `1.1` or `2`; `0` when there was no answer.
    pub version: String,
    pub status: u16,
    /// Lower-case names.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// How many bytes came over the wire for the body.
    pub size: usize,
    pub error: String,
}

impl Got {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn all(&self, name: &str) -> String {
        let values = self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        values.collect::<Vec<_>>().join(", ")
    }
}

/// `curl ARGUMENTS…`, once.
pub fn curl(arguments: &[&str]) -> Got {
    const END: &str = "\n--- end: ";
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--max-time", "60", "--include"]);
    curl.args(["--write-out", &format!("{END}%{{http_version}} %{{http_code}} %{{size_download}}")]);
    curl.args(arguments);
    let output = curl.output().expect("curl: sudo apt-get install -y curl");
    let end = find(&output.stdout, END.as_bytes()).expect("curl writes its end");
    let (all, end) = (&output.stdout[..end], String::from_utf8_lossy(&output.stdout[end + END.len()..]).into_owned());
    let mut end = end.split(' ');
    let mut next = || end.next().unwrap_or_default().to_owned();
    let (version, status, size) = (next(), next(), next());
    let split = find(all, b"\r\n\r\n").map_or(all.len(), |at| at + 4);
    let head = String::from_utf8_lossy(&all[..split]).into_owned();
    let headers = head.lines().filter_map(|line| line.split_once(": "));
    Got {
        version,
        status: status.parse().unwrap_or(0),
        headers: headers.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect(),
        body: all[split..].to_vec(),
        size: size.parse().unwrap_or(0),
        error: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn find(all: &[u8], part: &[u8]) -> Option<usize> {
    all.windows(part.len()).position(|window| window == part)
}

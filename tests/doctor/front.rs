//! A proxy that does one thing wrong. One request a connection, so that it reads each head.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

#[derive(Debug, Clone, Copy)]
pub enum Harm {
    None,
    /// A header of requests.
    Drops(&'static str),
    /// Bodies larger than so many bytes are answered 413.
    Limits(usize),
    /// Connections that are silent for so long.
    Cuts(Duration),
    /// Paths that end with a slash, to those without.
    Redirects,
}

/// Answers until the process ends.
pub struct Front {
    port: u16,
}

impl Front {
    /// In front of a server at `http://HOST:PORT`.
    pub fn start(server: &str, harm: Harm) -> Front {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("this machine has a free port");
        let port = listener.local_addr().expect("it listens").port();
        let server = server.trim_start_matches("http://").to_owned();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = server.clone();
                std::thread::spawn(move || serve(client, &server, harm));
            }
        });
        Front { port }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// A connection that breaks ends its own thread alone.
fn serve(mut client: TcpStream, server: &str, harm: Harm) -> Option<()> {
    let (head, rest) = read_head(&mut client)?;
    let mut lines = head.split("\r\n");
    let first = lines.next()?;
    let mut headers: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    let value = |name: &str| {
        headers.iter().find_map(|line| field(line).filter(|(field, _)| field == name)).map(|(_, value)| value)
    };
    if let Some(answer) = refusal(harm, first.split(' ').nth(1)?, value("content-length")) {
        client.write_all(answer.as_bytes()).ok()?;
        client.shutdown(Shutdown::Write).ok()?;
        // Closed with the body unread, the connection would be reset and the answer lost with it.
        return std::io::copy(&mut client, &mut std::io::sink()).ok().map(drop);
    }
    let upgrades = value("upgrade").is_some();
    if let Harm::Drops(name) = harm {
        headers.retain(|line| field(line).is_none_or(|(field, _)| field != name));
    }
    if !upgrades {
        headers.retain(|line| field(line).is_none_or(|(field, _)| field != "connection"));
        headers.push("connection: close");
    }
    let mut upstream = TcpStream::connect(server).ok()?;
    upstream.write_all(format!("{first}\r\n{}\r\n\r\n", headers.join("\r\n")).as_bytes()).ok()?;
    upstream.write_all(&rest).ok()?;
    if let Harm::Cuts(silence) = harm {
        client.set_read_timeout(Some(silence)).ok()?;
        upstream.set_read_timeout(Some(silence)).ok()?;
    }
    let (from, to) = (client.try_clone().ok()?, upstream.try_clone().ok()?);
    std::thread::spawn(move || pass(from, to));
    pass(upstream, client);
    Some(())
}

fn refusal(harm: Harm, path: &str, length: Option<String>) -> Option<String> {
    match harm {
        Harm::Limits(most)
            if length.and_then(|length| length.parse().ok()).is_some_and(|length: usize| length > most) =>
        {
            Some("HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned())
        }
        Harm::Redirects if path.ends_with('/') => Some(format!(
            "HTTP/1.1 307 Temporary Redirect\r\nlocation: {}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            path.trim_end_matches('/')
        )),
        _ => None,
    }
}

/// Name in small letters, and value.
fn field(line: &str) -> Option<(String, String)> {
    line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
}

/// The head, and what came of the body with it.
fn read_head(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(end) = all.windows(4).position(|end| end == b"\r\n\r\n") {
            let rest = all.split_off(end + 4);
            return Some((String::from_utf8(all).ok()?, rest));
        }
        match stream.read(&mut buffer).ok()? {
            0 => return None,
            read => all.extend_from_slice(&buffer[..read]),
        }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 16_384];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

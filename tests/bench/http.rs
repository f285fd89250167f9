//! A keep-alive HTTP/1.1 client that costs little: it shares two cores with what it measures.
//!
//! Requests are bytes made beforehand; of an answer only the head is parsed and the body's end found.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Result;

/// A server to measure: its address, what stands before each path, and the key.
#[derive(Debug, Clone)]
pub struct Target {
    pub address: SocketAddr,
    /// `/api`, or a workspace's base.
    pub base: String,
    pub key: Option<String>,
}

/// The headers that a request carries beside those that every request needs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Headers {
    /// Those of a plain client, which asks for no compression.
    Plain,
    /// Those of the SDK.
    Sdk,
}

const SDK: &str = "accept: */*\r\naccept-encoding: gzip, deflate\r\nuser-agent: prefect/3.9.1 (API 0.8.4)\r\nx-prefect-api-version: 0.8.4\r\n";

impl Target {
    /// From `http://127.0.0.1:4200/api/…`.
    pub fn parse(url: &str, key: Option<&str>) -> Result<Target> {
        let rest = url.strip_prefix("http://").ok_or_else(|| format!("{url} is not http://"))?;
        let (address, base) = rest.split_once('/').map_or((rest, String::new()), |(a, b)| (a, format!("/{b}")));
        let address = address.parse().map_err(|error| format!("{url}: {error}"))?;
        Ok(Target { address, base: base.trim_end_matches('/').to_owned(), key: key.map(str::to_owned) })
    }

    /// The same place on another replica, by its URL.
    pub fn at(&self, replica: &str) -> Result<Target> {
        let Target { base, key, .. } = self.clone();
        Ok(Target { address: Target::parse(replica, None)?.address, base, key })
    }

    pub fn get(&self, path: &str, headers: Headers, out: &mut Vec<u8>) {
        self.head("GET", path, headers, out);
        out.extend_from_slice(b"\r\n");
    }

    /// A GET by a client that has the answer of this tag.
    pub fn get_unless(&self, path: &str, tag: &str, out: &mut Vec<u8>) {
        self.head("GET", path, Headers::Plain, out);
        out.extend_from_slice(format!("if-none-match: {tag}\r\n\r\n").as_bytes());
    }

    pub fn post(&self, path: &str, body: &str, headers: Headers, out: &mut Vec<u8>) {
        self.head("POST", path, headers, out);
        out.extend_from_slice(
            format!("content-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes(),
        );
        out.extend_from_slice(body.as_bytes());
    }

    fn head(&self, method: &str, path: &str, headers: Headers, out: &mut Vec<u8>) {
        let (base, host) = (&self.base, self.address);
        out.extend_from_slice(format!("{method} {base}{path} HTTP/1.1\r\nhost: {host}\r\n").as_bytes());
        if let Some(key) = &self.key {
            out.extend_from_slice(format!("authorization: Bearer {key}\r\n").as_bytes());
        }
        if headers == Headers::Sdk {
            out.extend_from_slice(SDK.as_bytes());
        }
    }

    /// The request that opens a web socket, as the SDK sends it in Cloud mode: the key in a header, no subprotocol.
    pub fn upgrade(&self, path: &str, out: &mut Vec<u8>) {
        self.head("GET", path, Headers::Plain, out);
        out.extend_from_slice(
            b"connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
              sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        );
    }
}

/// One connection. What was read beyond an answer stays for the next.
#[derive(Debug)]
pub struct Connection {
    pub stream: TcpStream,
    pub read: Vec<u8>,
}

/// An answer; its body is [`Connection::body`] until the next request.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    pub status: u16,
    /// Where in the buffer the body stands, as it was sent.
    body: (usize, usize),
    end: usize,
    chunked: bool,
    gzip: bool,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Result<Connection> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, read: Vec::with_capacity(64 << 10) })
    }

    /// Sends a request and reads the answer to its end.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Answer> {
        self.read.clear();
        self.stream.write_all(request).await?;
        self.answer().await
    }

    pub fn body(&self, answer: &Answer) -> &[u8] {
        &self.read[answer.body.0..answer.body.1]
    }

    /// The body as the server meant it: chunks put together, unpacked.
    pub fn plain_body(&self, answer: &Answer) -> Result<Vec<u8>> {
        let mut body = self.body(answer).to_vec();
        if answer.chunked {
            let mut whole = Vec::new();
            let mut rest = &body[..];
            while let Some(line) = rest.windows(2).position(|two| two == b"\r\n") {
                let size = usize::from_str_radix(std::str::from_utf8(&rest[..line])?.trim(), 16)?;
                whole.extend_from_slice(&rest[line + 2..line + 2 + size]);
                rest = &rest[line + 2 + size + 2..];
            }
            body = whole;
        }
        if answer.gzip {
            let mut plain = Vec::new();
            std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&body[..]), &mut plain)?;
            body = plain;
        }
        Ok(body)
    }

    /// Bytes behind an answer: what a server said first after an upgrade.
    pub fn rest(&self, answer: &Answer) -> &[u8] {
        &self.read[answer.end..]
    }

    async fn answer(&mut self) -> Result<Answer> {
        loop {
            if let Some(answer) = parse(&self.read)? {
                return Ok(answer);
            }
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err("the server closed the connection in the middle of an answer".into());
            }
        }
    }
}

fn parse(read: &[u8]) -> Result<Option<Answer>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(read)? else { return Ok(None) };
    // Set once the head is complete.
    let status = response.code.unwrap_or_default();
    let find = |name: &str| response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
    let gzip = find("content-encoding").is_some_and(|header| header.value == b"gzip");
    let answer = |from, to, end, chunked| Some(Answer { status, body: (from, to), end, chunked, gzip });
    if status == 101 || status == 204 || status == 304 {
        return Ok(answer(head, head, head, false));
    }
    if let Some(length) = find("content-length") {
        let length: usize = std::str::from_utf8(length.value)?.trim().parse()?;
        let end = head + length;
        return Ok(answer(head, end, end, false).filter(|_| read.len() >= end));
    }
    if find("transfer-encoding").is_none() {
        return Err("an answer without a length".into());
    }
    let mut at = head;
    loop {
        let Some(line) = read[at..].windows(2).position(|two| two == b"\r\n") else { return Ok(None) };
        let size = std::str::from_utf8(&read[at..at + line])?;
        let size = usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16)?;
        at += line + 2 + size + 2;
        if at > read.len() {
            return Ok(None);
        }
        if size == 0 {
            return Ok(answer(head, at, at, true));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_answer_is_found() -> Result<()> {
        let whole = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(parse(whole)?.map(|answer| answer.end), Some(whole.len()));
        assert!(parse(&whole[..whole.len() - 1])?.is_none());
        let chunked = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
        assert_eq!(parse(chunked)?.map(|answer| (answer.status, answer.end)), Some((201, chunked.len())));
        assert!(parse(&chunked[..chunked.len() - 2])?.is_none());
        Ok(())
    }
}

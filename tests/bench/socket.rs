//! A web socket that sends events and costs little: frames are bytes, masked as the protocol wants, and of what the server
//! says only pings, pongs and the close matter.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::Result;
use crate::http::{Connection, Target};

#[derive(Debug)]
pub struct Socket {
    connection: Connection,
}

/// What came in that a sender of events waits for.
#[derive(Debug, PartialEq)]
enum Said {
    Pong,
    Close(u16, String),
}

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

impl Socket {
    pub async fn open(target: &Target, path: &str) -> Result<Socket> {
        let mut connection = Connection::open(target.address).await?;
        let mut request = Vec::new();
        target.upgrade(path, &mut request);
        let answer = connection.exchange(&request).await?;
        if answer.status != 101 {
            let body = String::from_utf8_lossy(connection.body(&answer)).into_owned();
            return Err(format!("{path} was answered {} instead of an upgrade: {body}", answer.status).into());
        }
        connection.read = connection.rest(&answer).to_vec();
        Ok(Socket { connection })
    }

    /// Sends frames that [`text`] made.
    pub async fn send(&mut self, frames: &[u8]) -> Result<()> {
        Ok(self.connection.stream.write_all(frames).await?)
    }

    /// Sends a ping and waits for its pong: an acknowledgement of all that was sent before.
    pub async fn ping(&mut self) -> Result<()> {
        let mut ping = Vec::new();
        frame(PING, b"bench", &mut ping);
        self.send(&ping).await?;
        match self.said().await? {
            Said::Pong => Ok(()),
            Said::Close(code, reason) => Err(format!("the server closed the socket: {code} {reason}").into()),
        }
    }

    /// Closes as a client does that is done, and waits for the server's word.
    pub async fn close(mut self) -> Result<()> {
        let mut close = Vec::new();
        frame(CLOSE, &1000u16.to_be_bytes(), &mut close);
        self.send(&close).await?;
        loop {
            match self.said().await? {
                Said::Close(1000 | 1005, _) => return Ok(()),
                Said::Close(code, reason) => return Err(format!("the socket was closed {code} {reason}").into()),
                Said::Pong => {}
            }
        }
    }

    async fn said(&mut self) -> Result<Said> {
        loop {
            let read = &mut self.connection.read;
            if let Some((opcode, from, to)) = head(read) {
                let payload = read[from..to].to_vec();
                read.drain(..to);
                match opcode | 0x80 {
                    PONG => return Ok(Said::Pong),
                    CLOSE => {
                        let code = payload.get(..2).map_or(1005, |code| u16::from_be_bytes([code[0], code[1]]));
                        let reason = String::from_utf8_lossy(payload.get(2..).unwrap_or_default()).into_owned();
                        return Ok(Said::Close(code, reason));
                    }
                    PING => {
                        let mut pong = Vec::new();
                        frame(PONG, &payload, &mut pong);
                        self.send(&pong).await?;
                    }
                    _ => {}
                }
                continue;
            }
            if self.connection.stream.read_buf(read).await? == 0 {
                return Err("the server ended the socket without a word".into());
            }
        }
    }
}

/// Opcode and place of the payload of the first frame, once all of it is there. Servers do not mask.
fn head(read: &[u8]) -> Option<(u8, usize, usize)> {
    let (first, second) = (*read.first()?, *read.get(1)?);
    let (from, length) = match second & 0x7f {
        126 => (4, usize::from(u16::from_be_bytes([*read.get(2)?, *read.get(3)?]))),
        127 => return None,
        short => (2, usize::from(short)),
    };
    let to = from + length;
    (read.len() >= to).then_some((first & 0x0f, from, to))
}

/// Appends a text frame.
pub fn text(payload: &[u8], out: &mut Vec<u8>) {
    frame(TEXT, payload, out);
}

fn frame(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    out.push(opcode);
    match payload.len() {
        short @ 0..126 => out.push(0x80 | short as u8),
        middle @ 126..65_536 => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(middle as u16).to_be_bytes());
        }
        long => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&MASK);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

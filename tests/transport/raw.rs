//! Bytes over a socket, as no client library would send them.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tests::Server;

/// How long the server may be silent before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Raw(TcpStream);

/// What came until the server closed.
#[derive(Debug)]
pub struct Said {
    pub text: String,
    /// The status of each answer, in order.
    pub statuses: Vec<u16>,
}

impl Raw {
    pub fn open(server: &Server) -> Raw {
        Raw::from(server, Ipv4Addr::LOCALHOST)
    }

    /// From an address of this machine's own network (127.0.0.0/8).
    pub fn from(server: &Server, source: Ipv4Addr) -> Raw {
        let address: SocketAddr = server.url().rsplit('/').next().and_then(|a| a.parse().ok()).expect("HOST:PORT");
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::from((source, 0)).into()).expect("every address of 127.0.0.0/8 is this machine's");
        socket.connect(&address.into()).expect("the server listens");
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE)).expect("it is not zero");
        stream.set_write_timeout(Some(PATIENCE)).expect("it is not zero");
        Raw(stream)
    }

    /// The server may have closed already.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.write_all(bytes.as_ref()).is_ok()
    }

    /// The next bytes; empty at the end.
    pub fn some(&mut self) -> Vec<u8> {
        let mut some = vec![0; 64 * 1024];
        let length = self.0.read(&mut some).unwrap_or_else(|error| match error.kind() {
            std::io::ErrorKind::WouldBlock => panic!("the server neither says anything nor closes"),
            _ => 0,
        });
        some.truncate(length);
        some
    }

    /// Everything until the server closes.
    pub fn rest(&mut self) -> Said {
        let mut all = Vec::new();
        loop {
            match self.some() {
                some if some.is_empty() => break,
                some => all.extend(some),
            }
        }
        let text = String::from_utf8_lossy(&all).into_owned();
        // An answer's body may end without a line's end, so its successor need not begin a line.
        let statuses = text.split("HTTP/1.1 ").skip(1).filter_map(|rest| rest.get(..3)?.parse().ok()).collect();
        Said { text, statuses }
    }

    pub fn stream(&self) -> &TcpStream {
        &self.0
    }
}

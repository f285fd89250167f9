//! The header that a proxy puts before everything else of a connection, to say whose it is (the PROXY protocol of HAProxy,
//! versions 1 and 2).
//!
//! Whether it must be there is a matter of who connects, never guessed from the bytes: a client could send one too.

use std::io;
use std::net::IpAddr;

use ppp::{HeaderResult, v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The shortest header there is: `PROXY UNKNOWN\r\n`. One of version 2 is a byte longer, so this many can be read of either
/// without taking anything of what follows.
const SHORTEST: usize = 15;
/// Longest of version 1, by its specification.
const LONGEST_V1: usize = 107;
/// Of version 2, beyond the first 16 bytes: addresses, and extensions that nobody here reads.
const LONGEST_V2: usize = 2048;

/// Takes the header off the stream, to its last byte and no further. `None` when it names nobody: a health check of the
/// proxy's own, or an address that is none of the internet's.
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<IpAddr>> {
    let mut header = vec![0; SHORTEST];
    stream.read_exact(&mut header).await?;
    if header.starts_with(v2::PROTOCOL_PREFIX) {
        header.push(stream.read_u8().await?);
        let length = usize::from(u16::from_be_bytes([header[14], header[15]]));
        if length > LONGEST_V2 {
            return Err(broken("its length is out of bounds"));
        }
        header.resize(16 + length, 0);
        stream.read_exact(&mut header[16..]).await?;
    } else {
        if !header.starts_with(v1::PROTOCOL_PREFIX.as_bytes()) {
            return Err(broken("there is none"));
        }
        while !header.ends_with(b"\r\n") {
            if header.len() == LONGEST_V1 {
                return Err(broken("it does not end"));
            }
            header.push(stream.read_u8().await?);
        }
    }
    source(&header)
}

fn source(header: &[u8]) -> io::Result<Option<IpAddr>> {
    let source: Option<IpAddr> = match HeaderResult::parse(header) {
        HeaderResult::V1(Ok(header)) => match header.addresses {
            v1::Addresses::Tcp4(ip) => Some(ip.source_address.into()),
            v1::Addresses::Tcp6(ip) => Some(ip.source_address.into()),
            v1::Addresses::Unknown => None,
        },
        HeaderResult::V2(Ok(header)) if header.command == v2::Command::Local => None,
        HeaderResult::V2(Ok(header)) => match header.addresses {
            v2::Addresses::IPv4(ip) => Some(ip.source_address.into()),
            v2::Addresses::IPv6(ip) => Some(ip.source_address.into()),
            v2::Addresses::Unix(_) | v2::Addresses::Unspecified => None,
        },
        HeaderResult::V1(Err(error)) => return Err(broken(error)),
        HeaderResult::V2(Err(error)) => return Err(broken(error)),
    };
    Ok(source.map(|ip| ip.to_canonical()))
}

fn broken(why: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("PROXY protocol header: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read of the header, and what is left of the stream.
    async fn reading(bytes: &[u8]) -> (io::Result<Option<IpAddr>>, usize) {
        let mut stream = bytes;
        (read(&mut stream).await, stream.len())
    }

    fn v2(command: u8, family: u8, payload: &[u8]) -> Vec<u8> {
        let mut header = v2::PROTOCOL_PREFIX.to_vec();
        header.extend([0x20 | command, family]);
        header.extend((payload.len() as u16).to_be_bytes());
        header.extend(payload);
        header
    }

    #[tokio::test]
    async fn a_header_is_read_to_its_end_and_no_further() {
        let four = [192, 0, 2, 7, 10, 0, 0, 1, 0, 80, 1, 187];
        let mut mapped = [0; 36];
        mapped[10..16].copy_from_slice(&[255, 255, 192, 0, 2, 7]);
        // A type-length-value behind the addresses.
        let extended = [&four[..], &[4, 0, 1, 42]].concat();
        for (header, source) in [
            (b"PROXY TCP4 192.0.2.7 10.0.0.1 5000 443\r\n".to_vec(), Some("192.0.2.7")),
            (b"PROXY TCP6 2001:db8::7 ::1 5000 443\r\n".to_vec(), Some("2001:db8::7")),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (b"PROXY UNKNOWN 1 2 3 4\r\n".to_vec(), None),
            (v2(1, 0x11, &four), Some("192.0.2.7")),
            (v2(1, 0x11, &extended), Some("192.0.2.7")),
            (v2(1, 0x21, &mapped), Some("192.0.2.7")),
            (v2(0, 0x11, &four), None),
            (v2(0, 0x00, &[]), None),
        ] {
            let (read, left) = reading(&[&header[..], b"GET / HTTP/1.1\r\n"].concat()).await;
            let source = source.map(|text| text.parse().unwrap());
            assert_eq!((read.unwrap(), left), (source, 16), "{}", header.escape_ascii());
        }
    }

    #[tokio::test]
    async fn anything_else_is_refused() {
        for bytes in [
            &b"GET /api/health HTTP/1.1\r\nhost: a\r\n\r\n"[..],
            &[
                &b"PROXY TCP4 192.0.2.7 10.0.0.1 5000 443
"[..],
                &[b' '; LONGEST_V1],
            ]
            .concat(),
            b"PROXY TCP4 192.0.2.777 10.0.0.1 5000 443\r\n",
            b"PROXY TCP9 192.0.2.7 10.0.0.1 5000 443\r\n",
            b"PROXY",
            &v2(1, 0x11, &[0; LONGEST_V2 + 1]),
            &v2(1, 0x11, &[0; 4]),
            &v2(7, 0x11, &[0; 12]),
        ] {
            assert!(reading(bytes).await.0.is_err(), "{}", bytes.escape_ascii());
        }
    }
}

//! Where the program listens, and what a connection may cost.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use ipnet::IpNet;

use super::{WrongSetting, duration};

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Listening")]
pub struct ListenSettings {
    /// Address and port of the API; port 0 takes a free one.
    #[arg(long, env = "PREFECTURE_LISTEN", default_value = "127.0.0.1:4200", value_name = "ADDRESS")]
    pub listen: SocketAddr,

    /// Address and port of /metrics (Prometheus text); not served without it.
    #[arg(long, env = "PREFECTURE_METRICS_LISTEN", value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,

    #[command(flatten)]
    pub tls: TlsSettings,

    #[command(flatten)]
    pub proxies: ProxySettings,

    #[command(flatten)]
    pub connections: ConnectionSettings,
}

/// TLS is served when both files are named.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "TLS")]
pub struct TlsSettings {
    /// PEM file of the certificate and of those between it and the root; served without TLS where none is named.
    #[arg(long, env = "PREFECTURE_TLS_CERTIFICATE", value_name = "FILE")]
    pub tls_certificate: Option<PathBuf>,

    /// PEM file of the certificate's private key.
    #[arg(long, env = "PREFECTURE_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,

    /// How often both files are looked at; changed ones are taken up without a restart, as after SIGHUP.
    #[arg(long, env = "PREFECTURE_TLS_RELOAD", default_value = "10s", value_parser = duration, value_name = "DURATION")]
    pub tls_reload: Duration,
}

/// Who stands in front of the program and may say where a request comes from.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Proxies in front")]
pub struct ProxySettings {
    /// Proxies whose forwarding header is believed: addresses or networks, by commas. Of all others it is ignored.
    #[arg(long, env = "PREFECTURE_TRUSTED_PROXIES", value_delimiter = ',', value_parser = network, value_name = "CIDR,…")]
    pub trusted_proxies: Vec<IpNet>,

    /// The header that these proxies write. The other one may be the client's own, and is never read.
    #[arg(long, env = "PREFECTURE_FORWARDING_HEADER", value_enum, default_value_t = ForwardingHeader::XForwardedFor, value_name = "HEADER")]
    pub forwarding_header: ForwardingHeader,

    /// Proxies that begin each connection with a PROXY protocol header (version 1 or 2): addresses or networks, by commas.
    /// Theirs must have one, all others' must not.
    #[arg(long, env = "PREFECTURE_PROXY_PROTOCOL", value_delimiter = ',', value_parser = network, value_name = "CIDR,…")]
    pub proxy_protocol: Vec<IpNet>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ForwardingHeader {
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

/// What one client may hold, so that many cannot hold everything.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connections")]
pub struct ConnectionSettings {
    /// Connections open at once, web sockets among them; more are answered 503 and closed.
    #[arg(long, env = "PREFECTURE_MAX_CONNECTIONS", default_value_t = 16_384, value_name = "COUNT")]
    pub max_connections: usize,

    /// How long a connection may stay open between two requests. Longer than a proxy in front keeps its own.
    #[arg(long, env = "PREFECTURE_IDLE_TIMEOUT", default_value = "75s", value_parser = duration, value_name = "DURATION")]
    pub idle_timeout: Duration,

    /// How long a client may take to send the head of a request; and before the first, for the handshake of TLS and the
    /// header of the PROXY protocol.
    #[arg(long, env = "PREFECTURE_HEAD_TIMEOUT", default_value = "10s", value_parser = duration, value_name = "DURATION")]
    pub head_timeout: Duration,

    /// How long a client may take to accept 16 KiB of what is sent to it.
    #[arg(long, env = "PREFECTURE_WRITE_TIMEOUT", default_value = "30s", value_parser = duration, value_name = "DURATION")]
    pub write_timeout: Duration,

    /// Largest head of a request, in bytes, from 8192; more is answered 431.
    #[arg(long, env = "PREFECTURE_HEAD_LIMIT", default_value_t = 32_768, value_name = "BYTES")]
    pub head_limit: usize,

    /// Headers of a request; more are answered 431.
    #[arg(long, env = "PREFECTURE_MAX_HEADERS", default_value_t = 100, value_name = "COUNT")]
    pub max_headers: usize,
}

/// A network, or an address as the network of itself.
fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from))
        .map(|network| network.trunc())
        .map_err(|_| format!("{text:?} is no address and no network: write for example 10.0.0.0/8 or 192.0.2.7"))
}

impl ListenSettings {
    pub fn validate(&self) -> Result<(), WrongSetting> {
        let ConnectionSettings { max_connections, idle_timeout, head_timeout, write_timeout, head_limit, max_headers } =
            self.connections;
        if max_connections == 0 {
            let setting = "--max-connections (PREFECTURE_MAX_CONNECTIONS)";
            return Err(WrongSetting::new(setting, "must be at least 1", "16384"));
        }
        if !(8192..=1 << 20).contains(&head_limit) {
            let setting = "--head-limit (PREFECTURE_HEAD_LIMIT)";
            return Err(WrongSetting::new(setting, "must be between 8192 and 1048576 bytes", "32768"));
        }
        if !(16..=1000).contains(&max_headers) {
            let setting = "--max-headers (PREFECTURE_MAX_HEADERS)";
            return Err(WrongSetting::new(setting, "must be between 16 and 1000", "100"));
        }
        for (setting, time, example) in [
            ("--idle-timeout (PREFECTURE_IDLE_TIMEOUT)", idle_timeout, "75s"),
            ("--head-timeout (PREFECTURE_HEAD_TIMEOUT)", head_timeout, "10s"),
            ("--write-timeout (PREFECTURE_WRITE_TIMEOUT)", write_timeout, "30s"),
            ("--tls-reload (PREFECTURE_TLS_RELOAD)", self.tls.tls_reload, "10s"),
        ] {
            if !(Duration::from_millis(100)..=Duration::from_secs(86_400)).contains(&time) {
                return Err(WrongSetting::new(setting, "must be between 100ms and a day", example));
            }
        }
        Ok(())
    }
}

impl TlsSettings {
    /// The files of certificate and key, or neither.
    pub fn files(&self) -> Result<Option<(PathBuf, PathBuf)>, WrongSetting> {
        match (&self.tls_certificate, &self.tls_key) {
            (Some(certificate), Some(key)) => Ok(Some((certificate.clone(), key.clone()))),
            (None, None) => Ok(None),
            (Some(_), None) => Err(WrongSetting::new(
                "--tls-key (PREFECTURE_TLS_KEY)",
                "is missing, though a certificate is named",
                "/etc/prefecture/tls.key",
            )),
            (None, Some(_)) => Err(WrongSetting::new(
                "--tls-certificate (PREFECTURE_TLS_CERTIFICATE)",
                "is missing, though a key is named",
                "/etc/prefecture/tls.crt",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_network_of_one() {
        assert_eq!(network("192.0.2.7"), network("192.0.2.7/32"));
        assert_eq!(network(" 10.1.2.3/8"), network("10.0.0.0/8"));
        assert_eq!(network("::1"), network("::1/128"));
        assert!(network("proxy.internal").is_err_and(|why| why.contains("10.0.0.0/8")));
    }
}

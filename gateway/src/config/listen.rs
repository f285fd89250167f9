//! Where the program listens.

use std::net::SocketAddr;

use clap::Args;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Listening")]
pub struct ListenSettings {
    /// Address and port of the API; port 0 takes a free one.
    #[arg(long, env = "PREFECTURE_LISTEN", default_value = "127.0.0.1:4200", value_name = "ADDRESS")]
    pub listen: SocketAddr,

    /// Address and port of /metrics (Prometheus text); not served without it.
    #[arg(long, env = "PREFECTURE_METRICS_LISTEN", value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,
}

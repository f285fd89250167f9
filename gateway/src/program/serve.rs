//! Serves until told to stop, and drains.

use tokio::task::JoinHandle;

use crate::App;
use crate::edge;
use crate::kit::Tables;
use crate::listen::Listener;

/// A server that is running.
pub struct Serving {
    /// `http://127.0.0.1:4200`.
    pub url: String,
    app: App,
    stop: tokio::sync::oneshot::Sender<()>,
    accepting: JoinHandle<()>,
}

/// Begins to serve on a listener.
pub fn serve(app: App, tables: Tables, listener: Listener) -> std::io::Result<Serving> {
    let url = format!("{}://{}", listener.scheme(), listener.address()?);
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let accepting = tokio::spawn(listener.run(edge::stack(&app, tables), stopped));
    Ok(Serving { url, app, stop, accepting })
}

impl Serving {
    /// Readiness falls. After the drain delay, in which everybody is served as before, nobody new gets in, sockets are told
    /// to end, and requests in flight are finished (up to the drain timeout).
    pub async fn drain(self) {
        self.app.leave();
        tokio::time::sleep(self.app.edge().drain_delay).await;
        self.app.drain();
        let _ = self.stop.send(());
        let timeout = self.app.edge().drain_timeout;
        let ended = async {
            let _ = self.accepting.await;
            self.app.hub().all_closed().await;
        };
        if tokio::time::timeout(timeout, ended).await.is_err() {
            tracing::warn!(?timeout, "requests or sockets were still open at the end of the drain");
        }
    }
}

//! The network between one replica and PostgreSQL, which can stall or break.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Network {
    Whole,
    /// Nothing gets through, and nobody is told.
    Stalled,
    /// Connections break, and no new one is made.
    Broken,
}

pub(crate) struct Proxy {
    pub(crate) port: u16,
    network: Arc<watch::Sender<Network>>,
    /// Connections made before the last loss carry nothing any more.
    losses: Arc<watch::Sender<u64>>,
}

impl Proxy {
    /// A way to `host:port` that is whole at first.
    pub(crate) async fn start(host: &str, port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own_port = listener.local_addr().unwrap().port();
        let network = Arc::new(watch::channel(Network::Whole).0);
        let losses = Arc::new(watch::channel(0).0);
        let (state, server) = (Arc::clone(&network), format!("{host}:{port}"));
        let lost = Arc::clone(&losses);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (network, lost) = (state.subscribe(), lost.subscribe());
                tokio::spawn(connect(client, server.clone(), network, lost));
            }
        });
        Self {
            port: own_port,
            network,
            losses,
        }
    }

    pub(crate) fn stall(&self) {
        self.network.send_replace(Network::Stalled);
    }

    /// Every connection there is carries nothing any more, and nobody is told: as when the
    /// server's machine has died and another has its address. New ones work.
    pub(crate) fn lose_connections(&self) {
        self.losses.send_modify(|losses| *losses += 1);
    }

    pub(crate) fn cut(&self) {
        self.network.send_replace(Network::Broken);
    }

    pub(crate) fn mend(&self) {
        self.network.send_replace(Network::Whole);
    }
}

async fn connect(
    client: TcpStream,
    server: String,
    mut network: watch::Receiver<Network>,
    mut lost: watch::Receiver<u64>,
) {
    let usable = network.wait_for(|state| *state != Network::Stalled).await;
    if usable.is_ok_and(|state| *state == Network::Broken) {
        return;
    }
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let (mut client, mut server) = (client, server);
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let (there, back) = (network.clone(), network.clone());
    let is_over = tokio::select! {
        () = pass_on(from_client, to_server, there) => true,
        () = pass_on(from_server, to_client, back) => true,
        () = async { drop(network.wait_for(|state| *state == Network::Broken).await) } => true,
        lost = lost.changed() => lost.is_err(),
    };
    if !is_over {
        // Open, and silent.
        std::future::pending::<()>().await;
    }
}

async fn pass_on(
    mut from: tokio::net::tcp::ReadHalf<'_>,
    mut to: tokio::net::tcp::WriteHalf<'_>,
    mut network: watch::Receiver<Network>,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if network
            .wait_for(|state| *state != Network::Stalled)
            .await
            .is_err()
            || to.write_all(&buffer[..length]).await.is_err()
        {
            return;
        }
    }
}

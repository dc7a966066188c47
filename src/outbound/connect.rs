//! How connections are made: directly or through the environment's proxy, metered, and with TLS.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use tower::Service;

use super::metered::Metered;
use super::proxy;

/// How often a connection that nobody uses is asked whether it is there.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// Makes connections, with TLS where the address says so.
pub(super) type Connector = HttpsConnector<Route>;

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Makes connections without TLS, as far as the server at the other end is concerned.
#[derive(Clone)]
pub(super) struct Route {
    direct: HttpConnector,
    /// To a proxy, which may speak TLS itself.
    to_proxy: HttpsConnector<HttpConnector>,
    proxies: Arc<Matcher>,
    max_unasked: usize,
}

/// Makes connections within `timeout`, on which at most `max_unasked` bytes are read for each
/// thing that is written.
///
/// # Errors
///
/// When the system's certificates cannot be used.
pub(super) fn connector(timeout: Duration, max_unasked: usize) -> io::Result<Connector> {
    let mut direct = HttpConnector::new();
    direct.enforce_http(false);
    direct.set_nodelay(true);
    direct.set_keepalive(Some(KEEPALIVE));
    direct.set_connect_timeout(Some(timeout));
    let tls = || HttpsConnectorBuilder::new().with_native_roots();
    let to_proxy = tls()?.https_or_http().enable_http1();
    let route = Route {
        to_proxy: to_proxy.wrap_connector(direct.clone()),
        direct,
        proxies: Arc::new(Matcher::from_env()),
        max_unasked,
    };
    // No HTTP/2: there we would answer pings and settings of our own accord, and each of these
    // writes would allow the other side to send on (see `Metered`).
    let secured = tls()?.https_or_http().enable_http1();
    Ok(secured.wrap_connector(route))
}

impl Service<Uri> for Route {
    type Response = TokioIo<Metered>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Fallible<Self::Response>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Fallible<()>> {
        self.direct.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, address: Uri) -> Self::Future {
        let proxy = proxy::of_address(&self.proxies, &address);
        let (mut direct, to_proxy) = (self.direct.clone(), self.to_proxy.clone());
        let max_unasked = self.max_unasked;
        Box::pin(async move {
            let metered = match proxy {
                Some(proxy) => {
                    let stream = tunnel(&proxy, to_proxy).call(address).await?;
                    Metered::new(TokioIo::new(stream), max_unasked)
                }
                None => {
                    let stream = direct.call(address).await?.into_inner();
                    Metered::new(stream, max_unasked)
                }
            };
            Ok(TokioIo::new(metered))
        })
    }
}

/// Only https goes to other machines (the settings see to that), so a proxy is asked for a
/// tunnel and never sees what is sent.
fn tunnel(
    proxy: &Intercept,
    to_proxy: HttpsConnector<HttpConnector>,
) -> Tunnel<HttpsConnector<HttpConnector>> {
    let tunnel = Tunnel::new(proxy.uri().clone(), to_proxy);
    match proxy.basic_auth() {
        Some(credential) => tunnel.with_auth(credential.clone()),
        None => tunnel,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;

    /// What a TLS client sends first.
    async fn hello(listener: &TcpListener) -> Vec<u8> {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 5];
        stream.read_exact(&mut head).await.unwrap();
        let mut hello = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
        stream.read_exact(&mut hello).await.unwrap();
        hello
    }

    #[tokio::test]
    async fn no_server_is_offered_http2() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("https://{}/", listener.local_addr().unwrap());
        let mut connector = connector(Duration::from_secs(5), usize::MAX).unwrap();
        let (hello, connected) = tokio::join!(
            hello(&listener),
            connector.call(address.parse::<Uri>().unwrap())
        );
        assert!(connected.is_err(), "nobody answered");
        let offers = |protocol: &[u8]| hello.windows(protocol.len()).any(|part| part == protocol);
        assert!(!offers(b"\x02h2\x08http/1.1") && !offers(b"\x00\x03\x02h2"));
    }
}

//! A proxy that terminates TLS, as one in front of the daemon does: clients connect anew, and
//! behind it connections are kept open.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::http::header::CONNECTION;
use axum::http::{Request, Uri};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::Fallible;

/// The name in the proxy's certificate, which is its own issuer.
pub(crate) const NAME: &str = "localhost";
const CERTIFICATE: &[u8] = include_bytes!("keys/proxy.pem");
const KEY: &[u8] = include_bytes!("keys/proxy.key.pem");

/// What a client of the proxy is configured with.
pub(crate) fn client_config() -> Fallible<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(CERTIFICATE)?)?;
    let config = ClientConfig::builder().with_root_certificates(roots);
    let mut config = config.with_no_client_auth();
    // EventBridge's connections have nothing to resume.
    config.resumption = tokio_rustls::rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

fn server_config() -> Fallible<ServerConfig> {
    let chain = vec![CertificateDer::from_pem_slice(CERTIFICATE)?];
    let key = PrivateKeyDer::from_pem_slice(KEY)?;
    let config = ServerConfig::builder().with_no_client_auth();
    Ok(config.with_single_cert(chain, key)?)
}

/// Forwards what comes to `address` to `to`, until the process is killed.
pub(crate) fn serve(address: SocketAddr, to: SocketAddr) -> Fallible<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let acceptor = TlsAcceptor::from(Arc::new(server_config()?));
        let client = Client::builder(TokioExecutor::new()).build_http::<Incoming>();
        let listener = tokio::net::TcpListener::bind(address).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            let _ = stream.set_nodelay(true);
            let (acceptor, client) = (acceptor.clone(), client.clone());
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let forward = service_fn(move |request| client.request(forwarded(request, to)));
                let connection = http1::Builder::new();
                let _ = connection
                    .serve_connection(TokioIo::new(stream), forward)
                    .await;
            });
        }
    })
}

/// `request`, to be sent to `to` on a connection that stays open.
fn forwarded(mut request: Request<Incoming>, to: SocketAddr) -> Request<Incoming> {
    request.headers_mut().remove(CONNECTION);
    let uri = format!("http://{to}{}", request.uri().path());
    *request.uri_mut() = uri.parse().unwrap_or_else(|_| Uri::default());
    request
}

//! What everything is compared with: a bare axum handler that reads the body and answers 202.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;

use crate::Fallible;

/// Serves at `address` until the process is killed.
pub(crate) fn serve(address: SocketAddr) -> Fallible<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let router = Router::new().route("/webhooks/genesys", post(answer));
        let listener = tokio::net::TcpListener::bind(address).await?;
        axum::serve(listener, router).await?;
        Ok(())
    })
}

async fn answer(_body: Bytes) -> StatusCode {
    StatusCode::ACCEPTED
}

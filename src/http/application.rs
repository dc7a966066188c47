//! What a listener serves.
//!
//! Knows how a request becomes an answer; must not know sockets.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use tower::Service;

use super::ReusedTimer;

/// What a listener serves: anything that answers every request. An axum router is one, whose
/// handlers find the peer's address as [`ConnectInfo<SocketAddr>`] among the extensions.
pub trait Application: Clone + Send + 'static {
    /// The body of an answer.
    type Body: HttpBody<Data = Bytes, Error: Into<axum::BoxError>> + Unpin + Send + 'static;

    /// The answer to `request`, which came by `connection`.
    fn answer(
        self,
        request: Request<Incoming>,
        connection: Connection,
    ) -> impl Future<Output = Response<Self::Body>> + Send;
}

impl Application for Router {
    type Body = Body;

    async fn answer(
        mut self,
        request: Request<Incoming>,
        connection: Connection,
    ) -> Response<Body> {
        let mut request = request.map(Body::new);
        request
            .extensions_mut()
            .insert(ConnectInfo(connection.peer));
        let answered: Result<_, Infallible> = self.call(request).await;
        answered.unwrap_or_else(|never| match never {})
    }
}

/// What an application knows of the connection by which a request came. Cheap to clone.
#[derive(Clone)]
pub struct Connection {
    /// The address at its other end.
    pub peer: SocketAddr,
    /// Bounds the request in hand; there is one at a time.
    pub timer: ReusedTimer,
}

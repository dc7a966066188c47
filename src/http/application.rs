//! What a listener serves.
//!
//! Knows how a request becomes an answer; must not know sockets.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use tower::Service;

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
        let has_body = !request.body().is_end_stream();
        let mut request = request.map(Body::new);
        request
            .extensions_mut()
            .insert(ConnectInfo(connection.peer));
        let answered: Result<_, Infallible> = self.call(request).await;
        let mut response = answered.unwrap_or_else(|never| match never {});
        // Whether a handler has read the body cannot be seen from here.
        announce_end(&mut response, has_body);
        response
    }
}

/// Tells the client of a refused request that the connection ends, when its body `may_be_unread`:
/// nobody reads the rest, and a client that did not know could send its next request into that.
pub fn announce_end<B>(response: &mut Response<B>, may_be_unread: bool) {
    if may_be_unread && !response.status().is_success() {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
}

/// What an application knows of the connection by which a request came. Cheap to clone.
#[derive(Clone)]
pub struct Connection {
    /// The address at its other end.
    pub peer: SocketAddr,
}

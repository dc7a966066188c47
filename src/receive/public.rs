//! The public listener: webhooks straight to their handler, everything else to a router.
//!
//! Nearly every request is a webhook. A router would match it against patterns, keep the
//! parts of its path and box its answer, which costs more than checking its credentials does.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use futures::future::BoxFuture;
use tower::Service;

use super::webhook::{PREFIX, Receiver, webhook};
use crate::http::{REQUEST_ID, identified};

/// What answers on the public listener.
#[derive(Clone)]
pub struct PublicListener {
    receiver: Arc<Receiver>,
    others: Router,
}

impl PublicListener {
    pub(super) fn new(receiver: Arc<Receiver>, others: Router) -> Self {
        Self { receiver, others }
    }
}

/// Whether `path` names one source. All methods go to the one handler, so that a wrong one is
/// counted for its source.
fn is_webhook(path: &str) -> bool {
    path.strip_prefix(PREFIX)
        .is_some_and(|source| !source.is_empty() && !source.contains('/'))
}

impl Service<Request<Body>> for PublicListener {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        if !is_webhook(request.uri().path()) {
            return Box::pin(self.others.call(request));
        }
        let id = identified(request.headers_mut(), &self.receiver.clock);
        let receiver = Arc::clone(&self.receiver);
        Box::pin(async move {
            let mut response = webhook(&receiver, request).await;
            response.headers_mut().insert(REQUEST_ID, id);
            Ok(response)
        })
    }
}

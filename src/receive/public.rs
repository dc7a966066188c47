//! The public listener: webhooks straight to their handler, everything else to a router.
//!
//! Nearly every request is a webhook. A router would match it against patterns, keep the
//! parts of its path and box its answer, which costs more than checking its credentials does.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, Response};
use http_body_util::{Either, Full};
use hyper::body::Incoming;

use super::webhook::{PREFIX, Receiver, webhook};
use crate::http::{Application, Connection, REQUEST_ID, announce_end, id_for};

/// What answers on the public listener.
#[derive(Clone)]
pub struct PublicListener(Arc<Parts>);

struct Parts {
    receiver: Arc<Receiver>,
    others: Router,
}

/// The body of an answer: nearly always a short one that is known as a whole.
pub(super) type AnswerBody = Either<Full<Bytes>, Body>;

impl PublicListener {
    pub(super) fn new(receiver: Arc<Receiver>, others: Router) -> Self {
        Self(Arc::new(Parts { receiver, others }))
    }
}

/// Whether `path` names one source. All methods go to the one handler, so that a wrong one is
/// counted for its source.
fn is_webhook(path: &str) -> bool {
    path.strip_prefix(PREFIX)
        .is_some_and(|source| !source.is_empty() && !source.contains('/'))
}

impl Application for PublicListener {
    type Body = AnswerBody;

    async fn answer(
        self,
        request: Request<Incoming>,
        connection: Connection,
    ) -> Response<AnswerBody> {
        let Parts { receiver, others } = &*self.0;
        let (mut head, mut body) = request.into_parts();
        if !is_webhook(head.uri.path()) {
            let request = Request::from_parts(head, body);
            let others = Box::pin(others.clone().answer(request, connection));
            return others.await.map(Either::Right);
        }
        let id = id_for(&head.headers, &receiver.clock);
        let mut response = webhook(receiver, &mut head, &mut body, &connection, &id).await;
        response.headers_mut().insert(REQUEST_ID, id);
        announce_end(&mut response, !body.is_end_stream());
        response
    }
}

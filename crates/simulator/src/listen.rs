//! Accepts connections and reads requests. It serves HTTP/1.1 through hyper itself, because
//! only there can a handler end the connection without an answer. Knows no CRM.

use std::net::SocketAddr;
use std::sync::Weak;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::http::{Request as HttpRequest, Response, StatusCode};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::control::{own_route, ticket_page};
use super::crm::Crm;
use super::inject::{ConnectionDropped, inject_fault};
use super::instance::{BIND_AGAIN_AFTER, Instance};
use super::push::send_due;
use super::wire::{Answer, Request, parse_query};

/// Longest request body.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// Accepts connections until `stop`; while they are to be refused, the port is closed.
pub(super) async fn listen<C: Crm>(
    listener: TcpListener,
    address: SocketAddr,
    inner: Weak<Instance<C>>,
    mut refusing: watch::Receiver<bool>,
    stop: CancellationToken,
) {
    let mut bound = Some(listener);
    loop {
        let listener = match bound.take() {
            Some(listener) => listener,
            None => match TcpListener::bind(address).await {
                Ok(listener) => listener,
                Err(_) => {
                    tokio::time::sleep(BIND_AGAIN_AFTER).await;
                    if stop.is_cancelled() {
                        return;
                    }
                    continue;
                }
            },
        };
        let open = CancellationToken::new();
        let cut = open.clone().drop_guard();
        tokio::select! {
            () = stop.cancelled() => {
                // Connections that are open end with their next request: the host is gone.
                cut.disarm();
                return;
            }
            () = accept(&listener, &inner, &open) => {}
            () = until(&mut refusing, true) => {}
        }
        drop((listener, cut));
        tokio::select! {
            () = stop.cancelled() => return,
            () = until(&mut refusing, false) => {}
        }
    }
}

/// Waits until connections are to be refused, or no longer; for ever when nobody can say so.
async fn until(refusing: &mut watch::Receiver<bool>, wanted: bool) {
    if refusing.wait_for(|refuse| *refuse == wanted).await.is_err() {
        std::future::pending().await
    }
}

async fn accept<C: Crm>(
    listener: &TcpListener,
    inner: &Weak<Instance<C>>,
    open: &CancellationToken,
) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (inner, open) = (inner.clone(), open.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(inner.clone(), request));
            let serving = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            tokio::select! {
                // An error is a connection that was cut, by us or by the client.
                _ = serving => {}
                () = open.cancelled() => {}
            }
        });
    }
}

async fn answer<C: Crm>(
    inner: Weak<Instance<C>>,
    request: HttpRequest<Incoming>,
) -> Result<Response<Full<Bytes>>, ConnectionDropped> {
    let inner = inner.upgrade().ok_or(ConnectionDropped)?;
    let raw_query = request.uri().query().unwrap_or_default().to_owned();
    let request = read(&inner, request, &raw_query).await?;
    if request.path == "/" || request.path.starts_with("/_sim") {
        let answer = own_route(&inner, &request);
        send_due(&inner);
        return Ok(to_http(answer));
    }
    // People look at a ticket, whatever happens to programs.
    if C::is_page(&request.path)
        && let Some(answer) = ticket_page(&inner, &request)
    {
        return Ok(to_http(answer));
    }
    let outcome = inject_fault(&inner, &request).await;
    inner.record(&request, raw_query, outcome.as_ref().ok());
    inner.tickets.send_replace(inner.crm.ticket_count());
    send_due(&inner);
    outcome.map(to_http)
}

async fn read<C>(
    inner: &Instance<C>,
    request: HttpRequest<Incoming>,
    query: &str,
) -> Result<Request, ConnectionDropped> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MAX_BODY_BYTES)
        .collect()
        .await
        .map_err(|_| ConnectionDropped)?
        .to_bytes()
        .to_vec();
    Ok(Request {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parse_query(query),
        headers: parts.headers,
        body,
        origin: format!("http://{}", inner.address),
    })
}

fn to_http(answer: Answer) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (
            hyper::http::HeaderName::try_from(name),
            hyper::http::HeaderValue::try_from(value),
        ) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

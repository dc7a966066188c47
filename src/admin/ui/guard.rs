//! Who may see a page or send a form.

use axum::extract::{Request, State};
use axum::http::header::HeaderName;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::page::{error_page, to};
use super::session::session_id;
use super::sign_in::arriving;
use crate::admin::access::local;
use crate::admin::answer::Refused;
use crate::admin::origin::{follows_a_link, is_our_form};
use crate::admin::{Actor, AdminState};
use crate::http::Problem;
use crate::settings::Role;

/// No script, style, form target or frame of anybody else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(&str, &str); 4] = [
    ("content-security-policy", POLICY),
    // Not `no-referrer`: with that, a browser would not say that a form is from this site.
    ("referrer-policy", "same-origin"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
];

#[derive(Clone)]
pub(super) struct UiGuard {
    pub(super) state: AdminState,
    pub(super) needs: Role,
}

/// Lets a request pass whose session has the role that the route needs. Others are led to the
/// page for signing in.
pub(super) async fn signed_in(
    State(guard): State<UiGuard>,
    mut request: Request,
    next: Next,
) -> Response {
    let actor = match identify(&guard.state, &request) {
        Ok(Some(actor)) => actor,
        Ok(None) if request.method() != Method::GET => {
            return refusal(
                StatusCode::UNAUTHORIZED,
                "Not signed in",
                "The session is over, and nothing was changed. Sign in and send the form again.",
            );
        }
        // The cookie is not sent along a link from the CRM. The page loads itself again, and then
        // it is.
        Ok(None) if follows_a_link(request.headers()) => return arriving(&request),
        Ok(None) => return to_sign_in(&request),
        Err(refused) => return refused.into_response(),
    };
    if actor.role < guard.needs {
        return refusal(
            StatusCode::FORBIDDEN,
            "Not allowed",
            "This needs a token with the role operator.",
        );
    }
    request.extensions_mut().insert(actor);
    next.run(request).await
}

/// Refuses a form that a page of another site sent, or that may be.
pub(super) async fn from_our_pages(request: Request, next: Next) -> Response {
    if request.method() == Method::POST && !is_our_form(request.headers()) {
        return refusal(
            StatusCode::FORBIDDEN,
            "Foreign form",
            "A form is accepted only from a page of this site, and the browser does not say that \
             it is.",
        );
    }
    next.run(request).await
}

/// Shows refusals as pages, and adds the headers of every answer.
pub(super) async fn as_page(
    State(state): State<AdminState>,
    request: Request,
    next: Next,
) -> Response {
    let actor = identify(&state, &request).ok().flatten();
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = error_page(&state, actor.as_ref(), &problem);
    }
    for (name, value) in HEADERS {
        response.headers_mut().insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    response
}

/// Who makes the request; `None`: nobody who is signed in.
fn identify(state: &AdminState, request: &Request) -> Result<Option<Actor>, Refused> {
    if state.tokens.are_none() {
        return local(request).map(Some);
    }
    let id = session_id(request.headers());
    Ok(id.and_then(|id| state.ui.sessions.actor(id, state.clock.now())))
}

fn to_sign_in(request: &Request) -> Response {
    let wanted = request
        .uri()
        .path_and_query()
        .map_or("/ui/", |path| path.as_str());
    let next: String = url::form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
    to(&format!("/ui/sign-in?next={next}"))
}

fn refusal(status: StatusCode, title: &'static str, detail: &'static str) -> Response {
    Refused::new(status, "ui", title, detail).into_response()
}

//! Signing in with an admin token, and out.

use axum::body::to_bytes;
use axum::extract::{RawQuery, Request, State};
use axum::http::StatusCode;
use axum::http::header::{ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::page::{Form, render, to};
use super::session::{COOKIE_NAME, LIFETIME, session_id};
use crate::admin::AdminState;
use crate::admin::limits::MAX_BODY_BYTES;

#[derive(Serialize)]
struct SignIn<'a> {
    /// Where the person wanted to go.
    next: &'a str,
    problem: Option<&'a str>,
}

pub(super) async fn show(State(state): State<AdminState>, RawQuery(query): RawQuery) -> Response {
    let query = Form::parse(query.as_deref().unwrap_or_default());
    let next = own_page(query.get("next"));
    if state.tokens.are_none() {
        return to(next);
    }
    page(next, None, StatusCode::OK)
}

pub(super) async fn sign_in(State(state): State<AdminState>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, MAX_BODY_BYTES).await.unwrap_or_default();
    let form = Form::parse(&String::from_utf8_lossy(&body));
    let next = own_page(form.get("next")).to_owned();
    let is_secure = came_over_tls(&head.headers);
    let token = form.get("token").unwrap_or_default();
    match state.tokens.sign_in(&head, token, &state.metrics).await {
        Ok(actor) => {
            let id = state.ui.sessions.begin(actor, state.clock.now());
            with_cookie(to(&next), &id, LIFETIME.as_secs(), is_secure)
        }
        Err(refused) => {
            let status = refused.status();
            let problem = match status {
                StatusCode::TOO_MANY_REQUESTS => {
                    "Too many wrong tokens came from your address. A right one works at any time."
                }
                _ => "This is not an admin token.",
            };
            page(&next, Some(problem), status)
        }
    }
}

pub(super) async fn sign_out(State(state): State<AdminState>, headers: HeaderMap) -> Response {
    if let Some(id) = session_id(&headers) {
        state.ui.sessions.end(id);
    }
    with_cookie(to("/ui/sign-in"), "", 0, came_over_tls(&headers))
}

/// A page that loads itself again: the browser left its cookie out because a link of another
/// site led here.
pub(super) fn arriving(request: &Request) -> Response {
    let wanted = request.uri().path_and_query();
    let wanted = wanted.map_or("/ui/", |path| path.as_str());
    render("arriving.html", &serde_json::json!({ "next": wanted }))
}

fn page(next: &str, problem: Option<&str>, status: StatusCode) -> Response {
    let page = render("sign_in.html", &SignIn { next, problem });
    (status, page).into_response()
}

/// `next`, when it is a page of ours: nobody is to be led elsewhere after signing in.
fn own_page(next: Option<&str>) -> &str {
    let is_ours = |next: &&str| {
        next.starts_with("/ui/")
            && !next.starts_with("/ui/sign-")
            && next
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    };
    next.filter(is_ours).unwrap_or("/ui/")
}

fn came_over_tls(headers: &HeaderMap) -> bool {
    headers
        .get(ORIGIN)
        .is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}

fn with_cookie(mut response: Response, id: &str, max_age: u64, is_secure: bool) -> Response {
    let secure = if is_secure { "; Secure" } else { "" };
    let cookie = format!(
        "{COOKIE_NAME}={id}; Path=/ui; Max-Age={max_age}; HttpOnly; SameSite=Strict{secure}"
    );
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_led_only_to_pages_of_ours() {
        assert_eq!(own_page(Some("/ui/why?q=a%20b")), "/ui/why?q=a%20b");
        for elsewhere in [
            "https://evil.example/ui/",
            "//evil.example",
            "/ui/sign-out",
            "/ui/\\evil.example",
            "/ui/\r\nset-cookie: a=b",
            "/api/v1/config",
        ] {
            assert_eq!(own_page(Some(elsewhere)), "/ui/", "{elsewhere}");
        }
    }
}

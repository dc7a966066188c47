//! What organisations, and things in front of them, have answered in the field, by name. The names
//! are those of the case files; a name that ends in another status or form is the same case so.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::call::text;
use crate::wire::{Answer, Request};

/// A case: which requests it is about, and what they hear.
struct Case {
    name: &'static str,
    concerns: fn(&Request) -> bool,
    /// `None` closes the connection.
    answer: fn(&Request) -> Option<Answer>,
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    Case { name: "sf-stale-instance-301", concerns: is_stale, answer: |request| {
        let location = format!("{}/services/data/", new_instance(request));
        Some(Answer::empty(301).with("location", location))
    } },
    Case { name: "sf-stale-instance-404-html", concerns: is_stale, answer: |_| {
        Some(Answer::html(404, "<html><title>URL No Longer Exists</title></html>"))
    } },
    Case { name: "sf-stale-instance-410", concerns: is_stale, answer: |_| Some(Answer::empty(410)) },
    Case { name: "sf-stale-instance-gone", concerns: is_stale, answer: |_| None },
    Case { name: "sf-stale-instance-url-not-reset", concerns: is_stale, answer: |_| {
        error(400, "URL_NOT_RESET",
            "Destination URL not reset. The URL returned from login must be set")
    } },
    Case { name: "sf-stale-second-instance-404-html", concerns: is_stale_again, answer: |_| {
        Some(Answer::html(404, "<html><title>URL No Longer Exists</title></html>"))
    } },
    Case { name: "sf-read-only-maintenance", concerns: writes, answer: |_| in_maintenance(400) },
    Case { name: "sf-read-only-maintenance-503", concerns: writes, answer: |_| in_maintenance(503) },
    Case { name: "sf-storage-limit", concerns: creates, answer: |_| {
        error(400, "STORAGE_LIMIT_EXCEEDED", "storage limit exceeded")
    } },
    Case { name: "sf-lock-row-minutes", concerns: writes, answer: |_| {
        error(400, "UNABLE_TO_LOCK_ROW",
            "unable to obtain exclusive access to this record or 1 records: 5005g00000SiMuLAAV")
    } },
    Case { name: "sf-entity-locked", concerns: changes, answer: |_| {
        error(400, "ENTITY_IS_LOCKED", "the entity is locked for editing")
    } },
    Case { name: "sf-expired-password-403", concerns: is_data, answer: |_| password_expired(403) },
    Case { name: "sf-expired-password-401", concerns: is_data, answer: |_| password_expired(401) },
    Case { name: "sf-refusal-gzip-unasked", concerns: creates, answer: |_| {
        let plain = refused("The queue must be known");
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(&plain.body).ok()?;
        let body = gzip.finish().ok()?;
        Some(Answer { body, ..plain }.with("content-encoding", "gzip"))
    } },
    Case { name: "sf-refusal-latin1", concerns: creates, answer: |_| {
        let body = String::from_utf8(refused("ungültig").body).ok()?;
        let latin1 = body.chars().filter_map(|character| u8::try_from(character).ok());
        Some(Answer { body: latin1.collect(), ..Answer::empty(400) }
            .with("content-type", "application/json;charset=ISO-8859-1"))
    } },
    Case { name: "sf-token-400-xml-or-form", concerns: is_login, answer: |_| {
        Some(text(400, "application/xml", "<OAuth><error>invalid_grant</error>\
<error_description>authentication failure</error_description></OAuth>"))
    } },
    Case { name: "sf-token-400-form", concerns: is_login, answer: |_| {
        Some(text(400, "application/x-www-form-urlencoded",
            "error=invalid_client&error_description=invalid+client+credentials"))
    } },
    Case { name: "sf-doctor-redirect", concerns: is_versions, answer: |_| {
        Some(Answer::empty(301).with("location", "https://NEW.my.salesforce.com/"))
    } },
    Case { name: "sf-in-front-403-json", concerns: is_data, answer: |_| {
        Some(Answer::json(403, &json!({"message": "Forbidden"})))
    } },
    Case { name: "sf-in-front-407-html", concerns: is_data, answer: |_| {
        Some(Answer::html(407, "<html>Proxy Authentication Required</html>"))
    } },
];

/// Their names.
pub(super) const NAMES: [&str; CASES.len()] = {
    let mut names = [""; CASES.len()];
    let mut index = 0;
    while index < CASES.len() {
        names[index] = CASES[index].name;
        index += 1;
    }
    names
};

/// Whether the case `name` is about `request`.
pub(super) fn concerns(name: &str, request: &Request) -> bool {
    case(name).is_some_and(|case| (case.concerns)(request))
}

/// What `request`, which the case `name` is about, hears; `None` closes the connection. `token` is
/// the answer of a token endpoint that is well.
pub(super) fn answer(
    name: &str,
    request: &Request,
    token: impl FnOnce() -> Answer,
) -> Option<Answer> {
    if is_login(request) && name.starts_with("sf-stale-instance") {
        return Some(naming(&new_instance(request), token()));
    }
    if is_login(request) && name.starts_with("sf-stale-second") {
        return Some(naming(&request.origin, token()));
    }
    (case(name)?.answer)(request)
}

fn case(name: &str) -> Option<&'static Case> {
    CASES.iter().find(|case| case.name == name)
}

fn is_login(request: &Request) -> bool {
    request.path.ends_with("/oauth2/token")
}

fn is_data(request: &Request) -> bool {
    request.path.starts_with("/services/data")
}

fn is_versions(request: &Request) -> bool {
    request.path.trim_end_matches('/') == "/services/data"
}

fn writes(request: &Request) -> bool {
    is_data(request) && matches!(request.method.as_str(), "POST" | "PATCH" | "DELETE")
}

/// `…/sobjects/Case/{field}/{key}` or, to be inserted, `…/sobjects/Case`.
fn creates(request: &Request) -> bool {
    writes(request) && matches!(parts_of_object(request), 1 | 3)
}

/// `…/sobjects/Case/{id}`
fn changes(request: &Request) -> bool {
    writes(request) && parts_of_object(request) == 2
}

/// How many parts follow `sobjects`.
fn parts_of_object(request: &Request) -> usize {
    let segments = request.segments();
    let mut segments = segments.iter().skip_while(|part| *part != "sobjects");
    segments.next().map_or(0, |_| segments.count())
}

/// The org has left the host that it was first asked at. Logins work, and name the new host.
fn is_stale(request: &Request) -> bool {
    is_login(request) || (is_data(request) && is_at_first_host(request))
}

/// The org has come back to its first host.
fn is_stale_again(request: &Request) -> bool {
    is_login(request) || (is_data(request) && !is_at_first_host(request))
}

fn is_at_first_host(request: &Request) -> bool {
    let host = request.header("host");
    host.is_some_and(|host| request.origin.ends_with(host))
}

/// The same port under another name.
fn new_instance(request: &Request) -> String {
    let port = request.origin.rsplit(':').next().unwrap_or_default();
    format!("http://localhost:{port}")
}

/// The answer of the token endpoint with `instance` for data calls.
fn naming(instance: &str, answer: Answer) -> Answer {
    match serde_json::from_slice::<Value>(&answer.body) {
        Ok(mut body) if answer.status == 200 => {
            body["instance_url"] = instance.into();
            let body = body.to_string().into_bytes();
            Answer { body, ..answer }
        }
        _ => answer,
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "what a case answers is optional: a connection may be closed instead"
)]
fn error(status: u16, code: &str, message: &str) -> Option<Answer> {
    let error = json!({"errorCode": code, "message": message, "fields": []});
    Some(Answer::json(status, &json!([error])))
}

fn in_maintenance(status: u16) -> Option<Answer> {
    let code = "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE";
    let message =
        "Updates can't be made during maintenance. Try again when maintenance is complete.";
    error(status, code, message)
}

fn password_expired(status: u16) -> Option<Answer> {
    let message = "The users password has expired, you must call SetPassword before attempting \
                   any other API operations";
    error(status, "INVALID_OPERATION_WITH_EXPIRED_PASSWORD", message)
}

fn refused(message: &str) -> Answer {
    let code = "FIELD_CUSTOM_VALIDATION_EXCEPTION";
    let error = json!({"errorCode": code, "message": message, "fields": []});
    Answer::json(400, &json!([error]))
}

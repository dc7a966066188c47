//! Writes pages from templates. Everything that is shown is escaped here, and characters that hide
//! or turn text are written out.

use std::sync::LazyLock;

use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, escape_formatter};
use serde::Serialize;
use serde_json::json;

use super::assets;
use crate::admin::answer::internal_error;
use crate::admin::{Actor, AdminState};
use crate::domain::situation::{age, ticket_state};
use crate::domain::time::Timestamp;
use crate::http::Problem;
use crate::settings::Role;
use crate::telemetry::VERSION_AND_COMMIT;
use crate::text::visible;

macro_rules! templates {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("templates/", $name)))),+]
    };
}

const TEMPLATES: &[(&str, &str)] = &templates![
    "base.html",
    "parts.html",
    "sign_in.html",
    "arriving.html",
    "error.html",
    "now.html",
    "day.html",
    "incident.html",
    "silence_form.html",
    "why.html",
    "waits.html",
    "group.html",
    "targets.html",
    "sources.html",
    "silences.html",
    "configuration.html",
    "audit.html",
];

static PAGES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut pages = Environment::new();
    pages.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    pages.set_auto_escape_callback(|_| AutoEscape::Html);
    pages.set_formatter(|out, state, value| match value.as_str() {
        Some(text) if !value.is_safe() => Ok(out.write_str(&escaped(&visible(text)))?),
        _ => escape_formatter(out, state, value),
    });
    pages.add_filter("age", age_filter);
    pages.add_filter("number", number_filter);
    pages.add_filter("short", short_filter);
    pages.add_filter("clock", clock_filter);
    pages.add_filter("pretty", pretty_filter);
    pages.add_filter("ticket_state", |state: String| {
        ticket_state(&state).to_owned()
    });
    pages.add_filter("query", query_filter);
    pages.add_filter("segment", segment_filter);
    pages.add_global("assets", Value::from(assets::version()));
    pages.add_global("version", VERSION_AND_COMMIT);
    for (name, text) in TEMPLATES {
        // A template that cannot be parsed is missing, and a test shows every page.
        if let Err(error) = pages.add_template(name, text) {
            tracing::error!(name, %error, "a page's template is broken");
        }
    }
    pages
});

/// `text` as the content of an element or of an attribute in double quotes.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

/// A page for `actor`: `content` is what its template sees as `it`.
pub(super) fn page(
    state: &AdminState,
    actor: &Actor,
    template: &str,
    query: &Form,
    content: &impl Serialize,
) -> Response {
    let context = json!({
        "it": content,
        "actor": &*actor.name,
        "can_change": actor.role == Role::Operator,
        "can_sign_out": !state.tokens.are_none(),
        "now": state.clock.now().to_string(),
        "notice": notice(query),
    });
    render(template, &context)
}

/// The page that `problem` is shown as.
pub(super) fn error_page(state: &AdminState, actor: Option<&Actor>, problem: &Problem) -> Response {
    let context = json!({
        "title": problem.title(),
        "detail": problem.detail(),
        "actor": actor.map(|actor| &*actor.name),
        "can_sign_out": actor.is_some() && !state.tokens.are_none(),
        "now": state.clock.now().to_string(),
    });
    let mut response = render("error.html", &context);
    *response.status_mut() = problem.status();
    response
}

/// `template` with `context`.
pub(super) fn render(template: &str, context: &impl Serialize) -> Response {
    let written = PAGES
        .get_template(template)
        .and_then(|template| template.render(Value::from(Serde(context))));
    match written {
        Ok(html) => {
            let html_type = HeaderValue::from_static("text/html; charset=utf-8");
            ([(CONTENT_TYPE, html_type)], html).into_response()
        }
        Err(error) => {
            tracing::error!(
                template,
                error = format!("{error:#}"),
                "a page cannot be written"
            );
            internal_error().into_response()
        }
    }
}

/// Leads the browser to `place`.
pub(super) fn to(place: &str) -> Response {
    match HeaderValue::from_str(place) {
        Ok(place) => (StatusCode::SEE_OTHER, [(LOCATION, place)]).into_response(),
        Err(_) => internal_error().into_response(),
    }
}

/// The fields of a form or of a query. Of a name that is given twice, the first counts.
#[derive(Debug, Default)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) fn parse(text: &str) -> Self {
        let pairs = url::form_urlencoded::parse(text.as_bytes());
        Self(pairs.into_owned().collect())
    }

    /// The value of `name`, when it is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    }
}

/// What a form has done, told on the page that follows it. The query only names one of our texts.
fn notice(query: &Form) -> Option<String> {
    let count: u64 = query.get("n").and_then(|n| n.parse().ok()).unwrap_or(1);
    let what = match query.get("did")? {
        "replayed" => "rendered again and sent as soon as the target takes it",
        "discarded" => "discarded",
        "reprocessed" => "read again with the present rules",
        "silenced" => return Some("The silence is in force.".to_owned()),
        "closed" => return Some("It is closed, and its ticket is resolved.".to_owned()),
        "noted" => return Some("The note is on its way to the ticket.".to_owned()),
        "ordered" => return Some("Its ticket is on its way.".to_owned()),
        "left" => return Some("It goes on without the outage.".to_owned()),
        "joined" => return Some("It is part of the outage.".to_owned()),
        "asked" => return Some("This will be done as soon as Ringdown decides again.".to_owned()),
        "paused" => return Some("Nothing is sent to the target until it is resumed.".to_owned()),
        "resumed" => return Some("The target is resumed; what waited is sent.".to_owned()),
        "extended" => return Some("The silence ends later now.".to_owned()),
        "expired" => return Some("The silence is over.".to_owned()),
        "released" => "released: each gets its ticket if it still breaches",
        _ => return None,
    };
    Some(match count {
        0 => "Nothing was left to do.".to_owned(),
        count => format!("{count} {what}."),
    })
}

fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

/// `{{ at|age(now) }}`: how long ago.
fn age_filter(at: String, now: String) -> String {
    match (time(&at), time(&now)) {
        (Some(at), Some(now)) if at > now => format!("in {}", age(at.since(now))),
        (Some(at), Some(now)) => age(now.since(at)),
        _ => at,
    }
}

/// A reading without digits that say nothing.
fn number_filter(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The first characters of a text that may be very long.
fn short_filter(text: String, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// `2026-11-23 14:00:05` in UTC.
fn clock_filter(at: String) -> String {
    let at = at.split('.').next().unwrap_or_default();
    at.trim_end_matches('Z').replace('T', " ")
}

/// JSON with a line for each value.
fn pretty_filter(value: Value) -> String {
    serde_json::to_string_pretty(&value).unwrap_or_else(|_| value.to_string())
}

/// A text as a part of a query.
fn query_filter(text: String) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A text as one segment of a path.
fn segment_filter(text: String) -> String {
    percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ages_and_times_are_short() {
        assert_eq!(number_filter(412.50), "412.5");
        assert_eq!(number_filter(300.0), "300");
        assert_eq!(number_filter(1.0 / 3.0), "0.33");
        let (at, now) = ("2026-11-23T14:00:00Z", "2026-11-23T14:04:10.5Z");
        assert_eq!(age_filter(at.into(), now.into()), "4 min");
        assert_eq!(age_filter(now.into(), at.into()), "in 4 min");
        assert_eq!(clock_filter(now.into()), "2026-11-23 14:04:10");
        assert_eq!(short_filter("ä".repeat(9), 3), "äää…");
    }

    #[test]
    fn every_template_can_be_parsed() {
        for (name, _) in TEMPLATES {
            assert!(PAGES.get_template(name).is_ok(), "{name}");
        }
    }
}

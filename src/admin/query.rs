//! What a client asks of a list, or of a change in bulk. Whatever is not understood is
//! refused: a misspelt filter must not widen what is discarded.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use serde_json::Value;

use super::questions::{Parameters, Question};

use super::answer::Refused;
use crate::domain::failure::FailureKind;
use crate::domain::severity::Severity;
use crate::domain::ticket::Operation;
use crate::domain::time::Timestamp;
use crate::json::PlainJson;
use crate::store::{Cursor, Filter, PageRequest};

pub(super) const DEFAULT_LIMIT: u32 = 50;
pub(super) const MAX_ITEMS: u32 = 500;

/// What a client asks in the query of a request, as far as the question `Q` takes it.
pub(super) struct Query<Q> {
    pub(super) filter: Filter,
    pub(super) page: PageRequest,
    options: Vec<(&'static str, String)>,
    question: PhantomData<fn() -> Q>,
}

/// The filter of a change in bulk, from the query and from a JSON body.
pub(super) struct Bulk<Q> {
    pub(super) asked: Query<Q>,
    /// Whether the client wrote `all`.
    pub(super) all: bool,
}

impl<Q: Question> Query<Q> {
    /// Reads the query of a request.
    fn read(query: Option<&str>) -> Result<Self, Refused> {
        let mut asked = Self::nothing();
        for (name, value) in distinct_pairs(query)? {
            asked.take(&name, value)?;
        }
        Ok(asked)
    }

    fn nothing() -> Self {
        Self {
            filter: Filter::default(),
            page: PageRequest {
                after: None,
                limit: DEFAULT_LIMIT,
            },
            options: Vec::new(),
            question: PhantomData,
        }
    }

    fn take(&mut self, name: &str, value: String) -> Result<(), Refused> {
        let takes = &Q::PARAMETERS;
        let options = takes.options.iter();
        if let Some((name, known)) = options.copied().find(|(known, _)| *known == name) {
            if !known.is_empty() {
                one_of(name, &value, known)?;
            }
            self.options.push((name, value));
            return Ok(());
        }
        match name {
            "limit" if takes.is_paged => self.page.limit = limit(&value)?,
            "cursor" if takes.is_paged => self.page.after = Some(cursor(&value)?),
            _ => set(&mut self.filter, takes, name, value)?,
        }
        Ok(())
    }

    /// The value of the option `name`.
    pub(super) fn option(&self, name: &str) -> Option<&str> {
        let mut options = self.options.iter();
        options
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether the option `name` is true.
    pub(super) fn is(&self, name: &str) -> bool {
        self.option(name) == Some("true")
    }
}

impl<Q: Question, S: Sync> FromRequestParts<S> for Query<Q> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        Self::read(parts.uri.query())
    }
}

impl<Q: Question> Bulk<Q> {
    fn read(query: Option<&str>, body: &[u8]) -> Result<Self, Refused> {
        let mut pairs = distinct_pairs(query)?;
        pairs.extend(body_pairs(body)?);
        let (mut asked, mut all) = (Query::nothing(), false);
        let mut seen: Vec<String> = Vec::new();
        for (name, value) in pairs {
            if seen.contains(&name) {
                return Err(Refused::bad_request(format!("{name} is given twice.")));
            }
            match (name.as_str(), value.as_str()) {
                ("all", "true") => all = true,
                ("all", "false") => {}
                ("all", _) => return Err(Refused::bad_request("all is true or false.")),
                _ => asked.take(&name, value)?,
            }
            seen.push(name);
        }
        Ok(Self { asked, all })
    }
}

impl<Q: Question, S: Send + Sync> FromRequest<S> for Bulk<Q> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let query = request.uri().query().map(str::to_owned);
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|_| Refused::bad_request("The body breaks off."))?;
        Self::read(query.as_deref(), &body)
    }
}

fn distinct_pairs(query: Option<&str>) -> Result<Vec<(String, String)>, Refused> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        if pairs.iter().any(|(known, _)| *known == name) {
            return Err(Refused::bad_request(format!("{name} is given twice.")));
        }
        pairs.push((name.into_owned(), value.into_owned()));
    }
    Ok(pairs)
}

fn body_pairs(body: &[u8]) -> Result<Vec<(String, String)>, Refused> {
    if body.trim_ascii().is_empty() {
        return Ok(Vec::new());
    }
    let filter: BTreeMap<String, PlainJson> = serde_json::from_slice(body)
        .map_err(|error| Refused::bad_request(format!("The filter is no JSON object: {error}.")))?;
    filter
        .into_iter()
        .map(|(name, PlainJson(value))| match value {
            Value::String(text) => Ok((name, text)),
            Value::Bool(flag) => Ok((name, flag.to_string())),
            _ => Err(Refused::bad_request(format!("{name} is to be a text."))),
        })
        .collect()
}

fn limit(value: &str) -> Result<u32, Refused> {
    value
        .parse()
        .ok()
        .filter(|limit| (1..=MAX_ITEMS).contains(limit))
        .ok_or_else(|| Refused::bad_request(format!("limit is a number from 1 to {MAX_ITEMS}.")))
}

fn cursor(value: &str) -> Result<Cursor, Refused> {
    Cursor::parse(value).ok_or_else(|| {
        Refused::bad_request("cursor is to be what the page before answered as next.")
    })
}

fn set(filter: &mut Filter, takes: &Parameters, name: &str, value: String) -> Result<(), Refused> {
    if !takes.filters.contains(&name) {
        return Err(Refused::bad_request(unknown(takes, name)));
    }
    if value.is_empty() || value.contains('\0') {
        return Err(Refused::bad_request(format!("{name} has no usable value.")));
    }
    let field = match name {
        "since" => return time(name, &value).map(|at| filter.since = Some(at)),
        "until" => return time(name, &value).map(|at| filter.until = Some(at)),
        "like" => return number(name, &value).map(|id| filter.like = Some(id)),
        "state" => {
            filter.states = several_of(name, &value, takes.states)?;
            return Ok(());
        }
        "severity" => {
            let known = Severity::WORST_FIRST.map(Severity::as_str);
            filter.severities = several_of(name, &value, &known)?;
            return Ok(());
        }
        "kind" => {
            one_of(name, &value, &FailureKind::ALL.map(FailureKind::as_str))?;
            &mut filter.kind
        }
        "operation" => {
            one_of(name, &value, &Operation::ALL.map(Operation::as_str))?;
            &mut filter.operation
        }
        "source" => &mut filter.source,
        "target" => &mut filter.target,
        "rule" => &mut filter.rule,
        "key" => &mut filter.key,
        "incident" => &mut filter.incident,
        "outage" => &mut filter.outage,
        "event_id" => &mut filter.event_id,
        _ => &mut filter.ticket,
    };
    *field = Some(value);
    Ok(())
}

fn unknown(takes: &Parameters, name: &str) -> String {
    let options = takes.options.iter().map(|(name, _)| *name);
    let paging: &[&str] = if takes.is_paged {
        &["limit", "cursor"]
    } else {
        &[]
    };
    let known: Vec<&str> = takes
        .filters
        .iter()
        .chain(paging)
        .copied()
        .chain(options)
        .collect();
    match known.is_empty() {
        true => format!("There is no filter {name:?} here; this address takes none."),
        false => format!(
            "There is no filter {name:?} here; there are {}.",
            known.join(", ")
        ),
    }
}

/// Values with commas between them.
fn several_of(name: &str, value: &str, known: &[&str]) -> Result<Vec<String>, Refused> {
    let parts = value.split(',').map(str::trim);
    let parts: Vec<String> = parts.map(str::to_owned).collect();
    for part in &parts {
        one_of(name, part, known)?;
    }
    Ok(parts)
}

fn time(name: &str, value: &str) -> Result<Timestamp, Refused> {
    value
        .parse()
        .map_err(|error| Refused::bad_request(format!("{name}: {error}.")))
}

fn number(name: &str, value: &str) -> Result<i64, Refused> {
    let number = value.parse().ok();
    number.ok_or_else(|| Refused::bad_request(format!("{name} is the id of an item of this list.")))
}

fn one_of(name: &str, value: &str, known: &[&str]) -> Result<(), Refused> {
    if known.contains(&value) {
        return Ok(());
    }
    let known = known.join(", ");
    Err(Refused::bad_request(format!("{name} is one of {known}.")))
}

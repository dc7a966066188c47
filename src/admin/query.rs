//! What a client asks of a list, or of a change in bulk. Whatever is not understood is
//! refused: a misspelt filter must not widen what is discarded.

use std::collections::BTreeMap;

use serde_json::Value;

use super::answer::Refused;
use crate::domain::failure::FailureKind;
use crate::domain::severity::Severity;
use crate::domain::ticket::Operation;
use crate::domain::time::Timestamp;
use crate::json::PlainJson;
use crate::store::{Cursor, Filter, PageRequest};

const DEFAULT_LIMIT: u32 = 50;
const MAX_ITEMS: u32 = 500;

/// A list's filters, and the states its items can have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filters {
    pub(super) names: &'static [&'static str],
    pub(super) states: &'static [&'static str],
}

pub(super) const EVENTS: Filters = Filters {
    names: &[
        "since", "until", "state", "source", "target", "rule", "key", "incident", "event_id",
    ],
    states: &["received", "decided", "review"],
};
pub(super) const INCIDENTS: Filters = Filters {
    names: &[
        "since", "until", "state", "severity", "source", "target", "rule", "key", "outage",
        "ticket",
    ],
    states: &["pending", "open", "recovered", "closed"],
};
pub(super) const DELIVERIES: Filters = Filters {
    names: &[
        "since",
        "until",
        "state",
        "source",
        "target",
        "rule",
        "key",
        "incident",
        "kind",
        "operation",
    ],
    states: &["waiting", "parked", "sending", "done", "dead", "discarded"],
};
pub(super) const DEAD_LETTERS: Filters = Filters {
    names: &[
        "since",
        "until",
        "source",
        "target",
        "rule",
        "key",
        "incident",
        "kind",
        "operation",
        "like",
    ],
    states: &[],
};
pub(super) const REVIEW: Filters = Filters {
    names: &["since", "until", "state", "source", "event_id", "like"],
    states: &["open", "reprocessed", "discarded"],
};
/// Groups are of open items.
pub(super) const REVIEW_GROUPS: Filters = Filters {
    names: &["source"],
    states: &[],
};
/// A settled item cannot be settled again.
pub(super) const REVIEW_BULK: Filters = Filters {
    names: &["since", "until", "source", "event_id", "like"],
    states: &[],
};
pub(super) const NO_FILTERS: Filters = Filters {
    names: &[],
    states: &[],
};
/// A timeline is one incident's, and is read from its beginning.
pub(super) const TIMELINE: Filters = Filters {
    names: &[],
    states: &[],
};
pub(super) const SILENCES: Filters = Filters {
    names: &["since", "until", "state"],
    states: &["pending", "active", "expired"],
};
pub(super) const LOCKS: Filters = Filters {
    names: &["since", "until", "rule", "key"],
    states: &[],
};
pub(super) const AUDIT: Filters = Filters {
    names: &["since", "until"],
    states: &[],
};

/// Reads the query of a list.
pub(super) fn list_request(
    query: Option<&str>,
    filters: Filters,
) -> Result<(Filter, PageRequest), Refused> {
    let mut page = PageRequest {
        after: None,
        limit: DEFAULT_LIMIT,
    };
    let mut filter = Filter::default();
    for (name, value) in distinct_pairs(query)? {
        match name.as_str() {
            "limit" => page.limit = limit(&value)?,
            "cursor" => page.after = Some(cursor(&value)?),
            _ => set(&mut filter, filters, &name, value)?,
        }
    }
    Ok((filter, page))
}

/// Reads the filter of a change in bulk from the query and from a JSON body. The second value
/// says whether the client wrote `all`.
pub(super) fn bulk_request(
    query: Option<&str>,
    body: &[u8],
    filters: Filters,
) -> Result<(Filter, bool), Refused> {
    let mut pairs = distinct_pairs(query)?;
    pairs.extend(body_pairs(body)?);
    let (mut filter, mut all) = (Filter::default(), false);
    let mut seen: Vec<String> = Vec::new();
    for (name, value) in pairs {
        if seen.contains(&name) {
            return Err(Refused::bad_request(format!("{name} is given twice.")));
        }
        match (name.as_str(), value.as_str()) {
            ("all", "true") => all = true,
            ("all", "false") => {}
            ("all", _) => return Err(Refused::bad_request("all is true or false.")),
            _ => set(&mut filter, filters, &name, value)?,
        }
        seen.push(name);
    }
    Ok((filter, all))
}

/// The query without the option `name`, and the option's value.
pub(super) fn option(query: Option<&str>, name: &str) -> Result<(String, Option<String>), Refused> {
    let mut pairs = distinct_pairs(query)?;
    let at = pairs.iter().position(|(key, _)| key == name);
    let value = at.map(|at| pairs.remove(at).1);
    let mut rest = url::form_urlencoded::Serializer::new(String::new());
    rest.extend_pairs(pairs);
    Ok((rest.finish(), value))
}

/// The query without the option `name`, and whether that is `true`.
pub(super) fn flag(query: Option<&str>, name: &str) -> Result<(String, bool), Refused> {
    let (rest, value) = option(query, name)?;
    match value.as_deref() {
        Some("true") => Ok((rest, true)),
        Some("false") | None => Ok((rest, false)),
        Some(_) => Err(Refused::bad_request(format!("{name} is true or false."))),
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

fn set(filter: &mut Filter, filters: Filters, name: &str, value: String) -> Result<(), Refused> {
    if !filters.names.contains(&name) {
        let known = filters.names.join(", ");
        return Err(Refused::bad_request(format!(
            "There is no filter {name:?} here; there are {known}."
        )));
    }
    if value.is_empty() || value.contains('\0') {
        return Err(Refused::bad_request(format!("{name} has no usable value.")));
    }
    let field = match name {
        "since" => return time(name, &value).map(|at| filter.since = Some(at)),
        "until" => return time(name, &value).map(|at| filter.until = Some(at)),
        "like" => return number(name, &value).map(|id| filter.like = Some(id)),
        "state" => {
            filter.states = several_of(name, &value, filters.states)?;
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

pub(super) fn one_of(name: &str, value: &str, known: &[&str]) -> Result<(), Refused> {
    if known.contains(&value) {
        return Ok(());
    }
    let known = known.join(", ");
    Err(Refused::bad_request(format!("{name} is one of {known}.")))
}

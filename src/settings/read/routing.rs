//! `targets` of a rule or an outage: names in order of preference, and lists that an
//! expression leads to.

use std::sync::Arc;

use config::ValueKind;

use super::entry::{Entry, Fault};
use super::section::Section;
use super::values::{expression, known_name};
use crate::settings::{Route, Routing};

/// `targets` of the rule or outage at `section`.
pub(super) fn routing(section: &Section<'_>, targets: &[String]) -> Option<Routing> {
    let Some(entry) = section.entry("targets") else {
        return section.missing("targets");
    };
    let items = entry.list().unwrap_or_default();
    if !items.iter().any(is_route) {
        let names = entry.read(preferences(targets))?;
        return Some(Routing {
            routes: Vec::new(),
            otherwise: names,
        });
    }
    let first_name = items.iter().position(|item| !is_route(item));
    let (entries, names) = items.split_at(first_name.unwrap_or(items.len()));
    let routes: Vec<_> = entries.iter().map(|one| route(one, targets)).collect();
    let otherwise = fallback(section, targets, names);
    Some(Routing {
        routes: routes.into_iter().collect::<Option<_>>()?,
        otherwise: otherwise?,
    })
}

fn is_route(entry: &Entry<'_>) -> bool {
    matches!(entry.value.kind, ValueKind::Table(_))
}

/// `{ when = "…", to = ["…"] }`.
fn route(entry: &Entry<'_>, targets: &[String]) -> Option<Route> {
    let section = entry.section()?;
    let when = section.required("when", expression);
    let to = section.required("to", preferences(targets));
    section.finish();
    Some(Route {
        when: when?,
        to: to?,
    })
}

/// The plain names after the entries with `when`.
fn fallback(
    section: &Section<'_>,
    targets: &[String],
    names: &[Entry<'_>],
) -> Option<Arc<[String]>> {
    if names.is_empty() {
        let example = targets.first().map_or("servicenow", String::as_str);
        let reason = format!(
            "has no target for what no `when` holds of; add the name of one at the end, such as \
             [{{ when = …, to = … }}, \"{example}\"]"
        );
        section.fault("targets", reason);
        return None;
    }
    if let Some(late) = names.iter().find(|item| is_route(item)) {
        late.fault(
            "stands after a plain name, where it would never count; plain names are the \
             fallback and stand last"
                .into(),
        );
        return None;
    }
    let parse = known_name("target", targets);
    let read: Vec<_> = names.iter().map(|name| name.read(&parse)).collect();
    let names = read.into_iter().collect::<Option<Vec<_>>>()?;
    match once_each(&names) {
        Ok(()) => Some(names.into()),
        Err(fault) => {
            section.fault("targets", fault);
            None
        }
    }
}

/// A list of targets in order of preference: at least one, and none twice.
fn preferences<'k>(
    targets: &'k [String],
) -> impl Fn(&Entry<'_>) -> Result<Arc<[String]>, Fault> + 'k {
    move |entry| {
        let names = super::values::some(known_name("target", targets))(entry)?;
        once_each(&names)?;
        Ok(names.into())
    }
}

/// Failover from a target to itself would go round in a circle.
fn once_each(names: &[String]) -> Result<(), Fault> {
    let mut earlier = names.iter().enumerate();
    let twice = earlier.find(|(place, name)| names.iter().take(*place).any(|one| one == *name));
    twice.map_or(Ok(()), |(_, name)| {
        let reason =
            format!("names `{name}` twice; failover never comes back to a target, so name it once");
        Err(reason.into())
    })
}

//! `targets` of a rule or an outage: names in order of preference, and lists that an expression
//! leads to.

use std::sync::Arc;

use serde_json::json;

use super::texts::{expression, name_of};
use crate::domain::identity::TargetName;
use crate::rules::{Expression, Route, Routing};
use crate::settings::declare::{Keys, Kind, Shape, section, some, table};
use crate::settings::read::{Entry, Fault};
use crate::settings::value::ValueKind;

section! {
    /// `{ when = "…", to = ["…"] }`.
    struct ConditionalRoute {
        /// an expression as in a rule; the first entry whose expression holds decides
        when: Expression = expression().required(),
        /// in order of preference
        to: Arc<[TargetName]> = preferences().required(),
    }
}

/// Names, after tables with an expression and names.
pub(crate) fn routes() -> Kind<Routing> {
    let shape = Shape::List(Box::new(Shape::Either(vec![
        Shape::Value(json!({ "type": "string", "minLength": 1 })),
        Shape::Table(ConditionalRoute::declared),
    ])));
    Kind::composite("list of targets", shape, read)
}

/// A list of targets in order of preference: at least one, and none twice.
pub(crate) fn preferences() -> Kind<Arc<[TargetName]>> {
    some("targets", name_of("targets", "target").map(TargetName::new))
        .check(|_, names| once_each(names))
        .map(Into::into)
}

fn read(entry: &Entry<'_>) -> Option<Routing> {
    let items = entry.list().unwrap_or_default();
    if !items.iter().any(is_conditional) {
        return Some(Routing {
            routes: Vec::new(),
            otherwise: preferences().read(entry)?,
        });
    }
    let first_name = items.iter().position(|item| !is_conditional(item));
    let (conditional, names) = items.split_at(first_name.unwrap_or(items.len()));
    let kind = table::<ConditionalRoute>();
    let routes: Vec<_> = conditional.iter().map(|one| kind.read(one)).collect();
    let otherwise = match fallback(entry, names) {
        Ok(names) => names,
        Err(fault) => {
            entry.fault(fault);
            None
        }
    };
    let routes: Vec<ConditionalRoute> = routes.into_iter().collect::<Option<_>>()?;
    Some(Routing {
        routes: routes
            .into_iter()
            .map(|ConditionalRoute { when, to }| Route { when, to })
            .collect(),
        otherwise: otherwise?,
    })
}

fn is_conditional(entry: &Entry<'_>) -> bool {
    matches!(entry.value.kind, ValueKind::Table(_))
}

/// The plain names after the tables. `Ok(None)`: the problem is noted at one of them.
fn fallback(entry: &Entry<'_>, names: &[Entry<'_>]) -> Result<Option<Arc<[TargetName]>>, Fault> {
    if names.is_empty() {
        let known = entry.reading.names("targets").unwrap_or_default();
        let example = known.first().unwrap_or(&"servicenow");
        return Err(format!(
            "has no target for what no `when` holds of; add the name of one at the end, such as \
             [{{ when = …, to = … }}, \"{example}\"]"
        )
        .into());
    }
    if let Some(late) = names.iter().find(|item| is_conditional(item)) {
        late.fault(
            "stands after a plain name, where it would never count; plain names are the \
             fallback and stand last",
        );
        return Ok(None);
    }
    let name = name_of("targets", "target").map(TargetName::new);
    let read: Vec<_> = names.iter().map(|one| name.read(one)).collect();
    let Some(names) = read.into_iter().collect::<Option<Vec<_>>>() else {
        return Ok(None);
    };
    once_each(&names)?;
    Ok(Some(names.into()))
}

/// Failover from a target to itself would go round in a circle.
fn once_each(names: &[TargetName]) -> Result<(), Fault> {
    let mut earlier = names.iter().enumerate();
    let twice = earlier.find(|(place, name)| names.iter().take(*place).any(|one| one == *name));
    twice.map_or(Ok(()), |(_, name)| {
        let reason =
            format!("names `{name}` twice; failover never comes back to a target, so name it once");
        Err(reason.into())
    })
}

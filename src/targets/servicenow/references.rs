//! The names of records in a body, and the ids that they were resolved to. Sends nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::body::Body;
use super::ids::SysId;

/// How long a resolved name is believed.
const BELIEVED_FOR: Duration = Duration::from_secs(3600);

/// The reference fields of a task whose values people know by name: the field, the table it
/// points into, and the column that holds the name. Other references are given as ids.
const NAMED: [(&str, &str, &str); 10] = [
    ("assignment_group", "sys_user_group", "name"),
    ("assigned_to", "sys_user", "user_name"),
    ("caller_id", "sys_user", "user_name"),
    ("opened_by", "sys_user", "user_name"),
    ("resolved_by", "sys_user", "user_name"),
    ("cmdb_ci", "cmdb_ci", "name"),
    ("business_service", "cmdb_ci_service", "name"),
    ("service_offering", "service_offering", "name"),
    ("company", "core_company", "name"),
    ("location", "cmn_location", "name"),
];

/// What a name in a table was resolved to, and when.
type Known = HashMap<(&'static str, String), (SysId, Instant)>;

/// Names resolved so far. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct ReferenceCache(Arc<Mutex<Known>>);

pub(super) struct Name<'body> {
    pub(super) field: &'static str,
    pub(super) table: &'static str,
    pub(super) column: &'static str,
    pub(super) text: &'body str,
}

impl ReferenceCache {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets everything, after an id has proved wrong.
    pub(super) fn forget(&self) {
        self.known().clear();
    }

    pub(super) fn recall(&self, name: &Name<'_>, now: Instant) -> Option<SysId> {
        let known = self.known();
        let (id, since) = known.get(&(name.table, name.text.to_owned()))?;
        (now.duration_since(*since) < BELIEVED_FOR).then(|| id.clone())
    }

    pub(super) fn remember(&self, name: &Name<'_>, id: &SysId, now: Instant) {
        self.known()
            .insert((name.table, name.text.to_owned()), (id.clone(), now));
    }
}

/// The record that `text` stands for in `field`, by its name or its id; `None` for a field whose
/// records are not looked up.
pub(super) fn named_in<'body>(field: &str, text: &'body str) -> Option<Name<'body>> {
    let &(field, table, column) = NAMED.iter().find(|(name, _, _)| *name == field)?;
    let column = match SysId::parse(text) {
        Some(_) => "sys_id",
        None => column,
    };
    Some(Name {
        field,
        table,
        column,
        text,
    })
}

/// The names in `body` in fields that need a record id.
pub(super) fn names_in(body: &Body) -> Vec<Name<'_>> {
    let name = |&(field, table, column)| {
        let text = body.get(field)?.as_str()?;
        let wanted = !text.is_empty() && SysId::parse(text).is_none();
        wanted.then_some(Name {
            field,
            table,
            column,
            text,
        })
    };
    NAMED.iter().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_names_in_reference_fields_are_looked_up() {
        let body = json!({
            "assignment_group": "Telephony Operations",
            "caller_id": "6816f79cc0a8016401c5a33be04be441",
            "cmdb_ci": "",
            "short_description": "Telephony Operations"
        });
        let body = body.as_object().unwrap();
        let names: Vec<&str> = names_in(body).iter().map(|name| name.field).collect();
        assert_eq!(names, ["assignment_group"]);
    }

    #[test]
    fn a_resolved_name_is_believed_for_an_hour() {
        let (references, now) = (ReferenceCache::default(), Instant::now());
        let name = Name {
            field: "assignment_group",
            table: "sys_user_group",
            column: "name",
            text: "Telephony Operations",
        };
        let id = SysId::parse("287ebd7da9fe198100f92cc8d1d2154e").unwrap();
        references.remember(&name, &id, now);
        let soon = now + Duration::from_secs(3599);
        assert_eq!(references.recall(&name, soon), Some(id));
        assert_eq!(references.recall(&name, now + BELIEVED_FOR), None);
        references.forget();
        assert_eq!(references.recall(&name, soon), None);
    }
}

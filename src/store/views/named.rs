//! The name by which people know what an incident is about, and what kind of thing it is.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::domain::flood;
use crate::domain::outage;
use crate::domain::situation::Entity;
use crate::domain::trouble::OWN_SOURCE;

/// Longest name that is shown, in characters.
const MAX_NAME: usize = 200;

/// The values of an incident's context that name something. A sender chose their types.
#[derive(Debug, Default, Deserialize)]
pub(in crate::store) struct Names<'a> {
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow)]
    queue_id: Option<&'a RawValue>,
    #[serde(borrow)]
    queue_name: Option<&'a RawValue>,
    #[serde(borrow)]
    trunk_id: Option<&'a RawValue>,
    #[serde(borrow)]
    trunk_name: Option<&'a RawValue>,
    #[serde(borrow)]
    edge_id: Option<&'a RawValue>,
    #[serde(borrow)]
    edge_name: Option<&'a RawValue>,
    #[serde(borrow)]
    entity_name: Option<&'a RawValue>,
    #[serde(borrow)]
    alert_rule_name: Option<&'a RawValue>,
    #[serde(borrow)]
    labels: Option<&'a RawValue>,
}

/// The labels of an event about Ringdown itself.
#[derive(Deserialize)]
struct OwnLabels<'a> {
    #[serde(borrow)]
    title: Option<&'a RawValue>,
}

impl<'a> Names<'a> {
    pub(in crate::store) fn read(context: &'a str) -> Self {
        serde_json::from_str(context).unwrap_or_default()
    }

    /// The queue that the incident is about.
    pub(in crate::store) fn queue_id(&self) -> Option<String> {
        let queue_id: String = serde_json::from_str(self.queue_id?.get()).ok()?;
        // PostgreSQL keeps no such text.
        (!queue_id.contains('\0')).then_some(queue_id)
    }

    /// What the incident with `rule` and `key` is about.
    pub(in crate::store) fn entity_and_name(&self, rule: &str, key: &str) -> (Entity, String) {
        if let Some(outage) = rule.strip_prefix(outage::RULE_PREFIX) {
            return (Entity::Outage, shortened(&format!("{outage} {key}")));
        }
        if let Some(source) = rule.strip_prefix(flood::RULE_PREFIX) {
            let name = format!("flood of source {source}");
            return (Entity::Flood, shortened(&name));
        }
        if text(self.source).as_deref() == Some(OWN_SOURCE) {
            let labels = self.labels.map(RawValue::get);
            let labels = labels.and_then(|one| serde_json::from_str::<OwnLabels<'_>>(one).ok());
            let title = text(labels.and_then(|one| one.title));
            return (Entity::Ringdown, shortened(title.as_deref().unwrap_or(key)));
        }
        let kinds = [
            (Entity::Queue, self.queue_id, self.queue_name),
            (Entity::Trunk, self.trunk_id, self.trunk_name),
            (Entity::Edge, self.edge_id, self.edge_name),
        ];
        let entity = kinds
            .iter()
            .find(|(_, id, name)| id.is_some() || name.is_some())
            .map_or(Entity::Other, |(entity, _, _)| *entity);
        let names = [
            self.queue_name,
            self.trunk_name,
            self.edge_name,
            self.entity_name,
            self.alert_rule_name,
        ];
        let name = names.into_iter().find_map(text);
        (entity, shortened(name.as_deref().unwrap_or(key)))
    }

    /// The name as it is looked for.
    pub(in crate::store) fn found_name(&self, rule: &str, key: &str) -> String {
        as_searched(&self.entity_and_name(rule, key).1)
    }
}

/// What the incident with `rule`, `key` and `context` is about.
pub(super) fn entity_and_name(rule: &str, key: &str, context: &str) -> (Entity, String) {
    Names::read(context).entity_and_name(rule, key)
}

/// `name` without what a search does not tell apart.
pub(super) fn as_searched(name: &str) -> String {
    let small = name.trim().to_lowercase();
    // PostgreSQL keeps no such text.
    small
        .chars()
        .filter(|one| *one != '\0')
        .take(MAX_NAME)
        .collect()
}

fn text(value: Option<&RawValue>) -> Option<String> {
    let text: String = serde_json::from_str(value?.get()).ok()?;
    (!text.trim().is_empty()).then_some(text)
}

fn shortened(name: &str) -> String {
    match name.char_indices().nth(MAX_NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_before_an_id_and_a_key_stands_in_for_both() {
        let named = |context: &str| entity_and_name("r", "key-1", context);
        assert_eq!(
            named(r#"{"queue_id":"7b0f","queue_name":"Billing"}"#),
            (Entity::Queue, "Billing".to_owned())
        );
        assert_eq!(
            named(r#"{"trunk_id":"t","trunk_name":" "}"#),
            (Entity::Trunk, "key-1".to_owned())
        );
        assert_eq!(named("no json"), (Entity::Other, "key-1".to_owned()));
        let long = format!(r#"{{"queue_name":"{}"}}"#, "x".repeat(5_000));
        assert_eq!(named(&long).1.chars().count(), MAX_NAME + 1);
    }

    #[test]
    fn an_outage_and_a_flood_are_named_by_what_they_stand_for() {
        let context = r#"{"queue_name":"outage site of Berlin"}"#;
        assert_eq!(
            entity_and_name("outage:site", "Berlin", context),
            (Entity::Outage, "site Berlin".to_owned())
        );
        assert_eq!(
            entity_and_name("flood:genesys", "genesys", "{}").0,
            Entity::Flood
        );
    }
}

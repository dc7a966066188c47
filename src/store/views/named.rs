//! The name by which people know what an incident is about, and what kind of thing it is.

use serde::Deserialize;
use serde_json::Value;

use crate::domain::flood;
use crate::domain::outage;
use crate::domain::situation::Entity;
use crate::domain::trouble::OWN_SOURCE;

/// Longest name that is shown, in characters.
const MAX_NAME: usize = 200;

/// The values of an incident's context that name something. A sender chose their types.
#[derive(Debug, Default, Deserialize)]
struct Names {
    source: Option<Value>,
    queue_id: Option<Value>,
    queue_name: Option<Value>,
    trunk_id: Option<Value>,
    trunk_name: Option<Value>,
    edge_id: Option<Value>,
    edge_name: Option<Value>,
    entity_name: Option<Value>,
    alert_rule_name: Option<Value>,
    labels: Option<Value>,
}

/// What the incident with `rule`, `key` and `context` is about.
pub(super) fn entity_and_name(rule: &str, key: &str, context: &str) -> (Entity, String) {
    let names: Names = serde_json::from_str(context).unwrap_or_default();
    if let Some(outage) = rule.strip_prefix(outage::RULE_PREFIX) {
        return (Entity::Outage, shortened(&format!("{outage} {key}")));
    }
    if let Some(source) = rule.strip_prefix(flood::RULE_PREFIX) {
        return (
            Entity::Flood,
            shortened(&format!("flood of source {source}")),
        );
    }
    if text(names.source.as_ref()) == Some(OWN_SOURCE) {
        let title = names.labels.as_ref().and_then(|labels| labels.get("title"));
        return (Entity::Ringdown, shortened(text(title).unwrap_or(key)));
    }
    let entity = match &names {
        Names {
            queue_id: Some(_), ..
        }
        | Names {
            queue_name: Some(_),
            ..
        } => Entity::Queue,
        Names {
            trunk_id: Some(_), ..
        }
        | Names {
            trunk_name: Some(_),
            ..
        } => Entity::Trunk,
        Names {
            edge_id: Some(_), ..
        }
        | Names {
            edge_name: Some(_), ..
        } => Entity::Edge,
        _ => Entity::Other,
    };
    let named = [
        names.queue_name,
        names.trunk_name,
        names.edge_name,
        names.entity_name,
        names.alert_rule_name,
    ];
    let name = named.iter().find_map(|name| text(name.as_ref()));
    (entity, shortened(name.unwrap_or(key)))
}

fn text(value: Option<&Value>) -> Option<&str> {
    value?.as_str().filter(|text| !text.trim().is_empty())
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

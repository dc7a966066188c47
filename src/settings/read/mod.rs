//! From merged values to [`Settings`]: one file per section of the configuration.
//!
//! Reads on after a problem, so that all of them are reported at once. The defaults stand
//! here, at the keys they belong to.
//!
//! May import: `rules`, `normalise`, the model. Must not know: files of the configuration,
//! how layers are merged.

mod auth;
mod enrichment;
mod entry;
mod maintenance;
mod mapping;
mod own_trouble;
mod routing;
mod rules;
mod secrets;
mod section;
mod server;
mod sources;
mod strength;
mod target_auth;
mod targets;
mod values;

use std::cell::RefCell;
use std::collections::BTreeMap;

use config::{Value, ValueKind};

pub(super) use section::Findings;
use section::{Section, Walk};

use super::layers::Table;
use super::{CrmProfile, Settings};

/// Reads everything from `merged`. `files` are the layers that are files, in their order.
pub(super) fn settings(
    merged: &Table,
    environment: &BTreeMap<String, String>,
    files: &[String],
    crms: &[&'static CrmProfile],
) -> (Option<Settings>, Findings) {
    let walk = Walk {
        environment,
        files,
        crms,
        findings: RefCell::default(),
    };
    let settings = read_all(&Section::new(&walk, "", merged.clone()));
    (settings, walk.findings.into_inner())
}

fn read_all(root: &Section<'_>) -> Option<Settings> {
    let server = server::server(root);
    let admin = server::admin(root);
    let store = server::store(root);
    let log = server::log(root);
    let sources = sources::sources(root);
    let targets = targets::targets(root);
    let source_names = names_in(root, "sources");
    let target_names = names_in(root, "targets");
    let rules = rules::rules(root, &source_names, &target_names);
    let own_trouble =
        own_trouble::own_trouble(root, &source_names, &names_in(root, "rules"), &target_names);
    let outages = rules::outages(root, &names_in(root, "rules"), &target_names);
    let enrichment = enrichment::enrichment(root);
    let known = maintenance::Known {
        sources: &source_names,
        rules: &names_in(root, "rules"),
        outages: &names_in(root, "outages"),
    };
    let maintenance = maintenance::maintenance(root, &known);
    root.finish();
    let (own_settings, own_rule) = own_trouble?.unzip();
    let mut rules = rules?;
    rules.extend(own_rule);
    let settings = Settings {
        server: server?,
        admin: admin?,
        store: store?,
        log: log?,
        sources: sources?,
        rules,
        targets: targets?,
        outages: outages?,
        own_trouble: own_settings,
        enrichment: enrichment?,
        maintenance: maintenance?,
    };
    server::check_listeners(root, &settings);
    rules::warn_of_unresolvable(root, &settings);
    Some(settings)
}

/// The configured names, also of entries that have problems of their own.
fn names_in(root: &Section<'_>, key: &'static str) -> Vec<String> {
    let table = root.entry(key).and_then(|entry| entry.table().ok());
    table.iter().flat_map(Table::keys).cloned().collect()
}

/// The path of `key` in the table at `path`, quoted where TOML wants it quoted.
pub(super) fn join(path: &str, key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let bare = !key.is_empty() && key.chars().all(plain);
    let key = if bare {
        key.to_owned()
    } else {
        serde_json::Value::from(key).to_string()
    };
    if path.is_empty() {
        return key;
    }
    format!("{path}.{key}")
}

/// Where `value` was set: for a table or a list, where its first value was.
pub(super) fn origin_within(value: &Value) -> Option<&str> {
    let inner = || match &value.kind {
        ValueKind::Table(table) => table.values().find_map(origin_within),
        ValueKind::Array(items) => items.iter().find_map(origin_within),
        _ => None,
    };
    value.origin().or_else(inner)
}

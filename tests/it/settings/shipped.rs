//! The files that people start from: the example and the defaults. And `reference.toml`, which sets
//! every setting of a daemon once.

use ringdown::settings::{FieldValue, Loaded};

use crate::settings::refusals::assert_problem;
use crate::settings::world::{World, shown};

const REFERENCE: &str = include_str!("reference.toml");
const EXAMPLE: &str = include_str!("../../../config/example.toml");
const DEFAULT: &str = include_str!("../../../config/default.toml");

/// The reference with its variables, and with `feed` in place of `/run/secrets/feed`, which a
/// test cannot make.
fn reference() -> World {
    let world = World::empty().with_file("reference.toml", REFERENCE);
    let feed = world.write("feed", "feed-s3cret-of-tests\n");
    let auth = format!(
        "[sources.custom-feed]\nauth = [{{ type = \"header\", secret = {{ file = {feed:?} }} }}]"
    );
    [
        "RINGDOWN_ADMIN_TOKEN",
        "GENESYS_WEBHOOK_TOKEN",
        "GENESYS_HMAC",
        "GENESYS_BASIC",
        "GENESYS_KEY",
        "SALESFORCE_CLIENT_SECRET",
        "SERVICENOW_CLIENT_SECRET",
        "SERVICENOW_CALLBACK_TOKEN",
    ]
    .into_iter()
    .fold(world.with_file("feed.toml", &auth), |world, name| {
        world.with_variable(name, "s3cret-of-the-tests")
    })
}

fn example() -> Loaded {
    World::empty()
        .with_file("example.toml", EXAMPLE)
        .with_variable("GENESYS_WEBHOOK_TOKEN", "s3cret-of-the-tests")
        .with_variable("SALESFORCE_CLIENT_SECRET", "s3cret-of-the-tests")
        .with_variable("SERVICENOW_CLIENT_SECRET", "s3cret-of-the-tests")
        .loaded()
}

#[test]
fn the_reference_loads_as_it_stands() {
    let settings = reference().loaded().settings;
    let rules: Vec<&str> = settings
        .rules
        .iter()
        .map(|rule| rule.name.as_str())
        .collect();
    assert_eq!(rules, ["queue-wait", "queue-backlog", "trunk-down"]);
    assert_eq!(settings.sources["genesys"].auth.len(), 5);
    assert_eq!(settings.sources["genesys"].allow.len(), 2);
    assert_eq!(settings.targets["servicenow"].callback_auth.len(), 1);
    assert_eq!(settings.outages["site"].at_least, 10);
    assert_eq!(settings.outages["site"].burst_lock.as_secs(), 60);
    assert_eq!(settings.server.trusted_proxies.len(), 1);
}

#[test]
fn the_reference_names_one_file_and_nothing_else_is_wrong_with_it() {
    let mut world = reference();
    world.loader.files.truncate(1);
    let text = REFERENCE.replace("/run/secrets/feed", "/nowhere/feed");
    world.write("reference.toml", &text);
    let path = "sources.custom-feed.auth[0].secret";
    assert_problem(&world.problem(), path, "/nowhere/feed cannot be read", None);
}

#[test]
fn a_text_of_several_lines_keeps_its_inner_newlines() {
    let settings = reference().loaded().settings;
    let create = &settings.targets["salesforce"].create;
    let names: Vec<&str> = create.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(
        names,
        ["Subject", "Description", "Status", "Priority", "Source__c"]
    );
    let FieldValue::Template(description) = &create[1].value else {
        panic!("text is a template");
    };
    assert!(description.source().starts_with("Automated alert"));
    assert!(description.source().ends_with("exceeded threshold.\n\nMetric Details:\n- Queue: {{ queue_name }}\n- Avg Wait Time (s): {{ wait_time_avg }}\n- Timestamp: {{ timestamp }}"));
}

#[test]
fn the_example_loads_with_the_variables_it_names() {
    let loaded = example();
    assert_eq!(loaded.settings.targets.len(), 2);
    assert_eq!(loaded.settings.rules.len(), 6);
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    assert_eq!(
        shown(&loaded, "targets.servicenow.auth.token_url"),
        (
            "\"https://example.service-now.com/oauth_token.do\"",
            "built-in"
        )
    );
}

#[test]
fn the_default_file_says_what_is_built_in() {
    let values = |world: &World| -> Vec<(String, String)> {
        let effective = world.loaded().effective;
        effective
            .into_iter()
            .map(|value| (value.path, value.shown))
            .collect()
    };
    let world = World::base();
    let built_in = values(&world);
    world.write("config/default.toml", DEFAULT);
    assert_eq!(values(&world), built_in);
    for section in ["server", "admin", "store", "log"] {
        let loaded = world.loaded();
        let forgotten: Vec<&str> = loaded
            .effective
            .iter()
            .filter(|value| value.path.starts_with(&format!("{section}.")))
            .filter(|value| value.layer == "built-in")
            .map(|value| value.path.as_str())
            .collect();
        assert!(
            forgotten.is_empty(),
            "{forgotten:?} are not in default.toml"
        );
    }
}

/// Whether the documentation has a row or a heading for the key at `path` that holds `text`.
fn documented(path: &str, text: &str) -> bool {
    let document = include_str!("../../../docs/configuration.md");
    let mut lines = document.lines();
    lines.any(|line| {
        let is_row = line.starts_with('|') || line.starts_with("## `[");
        // A row begins with its key, or with a word that chooses the key beside it.
        let mut keys = line.split('`').skip(1).step_by(2).take(2);
        is_row && line.contains(text) && keys.any(|key| ends_with(path, key))
    })
}

/// Whether `path` ends with the parts of `key`, in which `NAME` is any name.
fn ends_with(path: &str, key: &str) -> bool {
    let mut parts = path.rsplit('.');
    let mut wanted = key.trim_matches(['[', ']']).rsplit('.');
    wanted.all(|wanted| {
        parts
            .next()
            .is_some_and(|part| wanted == "NAME" || wanted == part)
    })
}

#[test]
fn the_documentation_names_every_setting_with_its_default() {
    let chosen_by_users = ["create", "update", "resolve", "labels", "metrics"];
    for value in &reference().loaded().effective {
        let free = value
            .path
            .split('.')
            .any(|part| chosen_by_users.contains(&part));
        assert!(
            free || documented(&value.path, ""),
            "{} is not documented",
            value.path
        );
    }
    for value in &World::base().loaded().effective {
        let computed = value.path.ends_with(".token_url") || value.shown == "(not set)";
        if value.layer == "built-in" && !computed {
            let default = format!("`{}`", value.shown.trim_matches('"'));
            assert!(
                documented(&value.path, &default),
                "{} defaults to {default}",
                value.path
            );
        }
    }
}

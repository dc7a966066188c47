//! What is generated from the declarations: the tables of the documentation, and the JSON Schema.

use ringdown::normalise::catalogue;
use ringdown::settings::documents;
use ringdown::targets;
use serde_json::{Value, json};

const DOCUMENT: &str = "docs/configuration.md";
const EVENTS: &str = "docs/events.md";

#[test]
fn the_tables_of_the_documentation_are_those_of_the_declarations() {
    let with_tables = |written: &str| documents::with_tables(written, &targets::profiles());
    assert_generated(DOCUMENT, with_tables);
}

#[test]
fn the_tables_of_events_are_those_of_the_catalogue() {
    assert_generated(EVENTS, catalogue::with_tables);
}

/// The file that the first line of the examples names.
#[test]
fn the_schema_beside_the_examples_is_that_of_the_declarations() {
    let schema = documents::json_schema(&targets::profiles());
    let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
    assert_generated("config/ringdown.schema.json", |_| Ok(text.clone()));
    for example in [
        include_str!("../../../config/example.toml"),
        include_str!("../../../config/simulator.toml"),
    ] {
        assert!(example.starts_with("#:schema ./ringdown.schema.json\n"));
    }
}

#[test]
fn the_schema_offers_event_types_and_metrics() {
    let schema = documents::json_schema(&targets::profiles());
    let rule = &schema["properties"]["rules"]["additionalProperties"]["properties"];
    let offers = |list: &Value, one: &str| {
        let list = list.as_array().unwrap();
        assert!(list.contains(&json!(one)), "{one} is not in {list:?}");
    };
    let events = &rule["events"]["items"]["anyOf"][0]["enum"];
    offers(events, "v2.analytics.queues.{id}.observations");
    offers(&rule["when"]["examples"], "metrics[oWaiting].count");
}

/// Whether the tables in `document` are those that `with_tables` writes.
fn assert_generated(document: &str, with_tables: impl Fn(&str) -> Result<String, String>) {
    let written = std::fs::read_to_string(document).unwrap();
    let generated = with_tables(&written).unwrap();
    if std::env::var_os("WRITE_REFERENCE").is_some() {
        return std::fs::write(document, &generated).unwrap();
    }
    assert!(
        written == generated,
        "{document} is out of date; write its tables anew with\n  \
         WRITE_REFERENCE=1 cargo test --features fault-points --test it settings::documents"
    );
}

/// What `instance` has against `schema`: the part of JSON Schema that ours uses.
fn errors(schema: &Value, instance: &Value, path: &str) -> Vec<String> {
    let mut all = Vec::new();
    let any_of = |key: &str| {
        let branches: Vec<_> = schema[key].as_array()?.iter().collect();
        let fits = |branch: &&&Value| errors(branch, instance, path).is_empty();
        Some(branches.iter().filter(fits).count())
    };
    if any_of("anyOf") == Some(0) || any_of("oneOf").is_some_and(|fitting| fitting != 1) {
        all.push(format!("{path}: fits no form"));
    }
    let kind = match instance {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let wanted = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(some) => some.iter().filter_map(Value::as_str).collect(),
        _ => vec![kind],
    };
    let is_number = kind == "integer" && wanted.contains(&"number");
    if !is_number && !wanted.contains(&kind) {
        all.push(format!("{path}: is {kind}"));
    }
    if schema["const"] != Value::Null && schema["const"] != *instance {
        all.push(format!("{path}: is not {}", schema["const"]));
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(instance)
    {
        all.push(format!("{path}: is none of {words:?}"));
    }
    let beyond = |limit: &str, below: bool| {
        let (limit, number) = (schema[limit].as_f64()?, instance.as_f64()?);
        Some(if below {
            number < limit
        } else {
            number > limit
        })
    };
    if beyond("minimum", true) == Some(true) || beyond("maximum", false) == Some(true) {
        all.push(format!("{path}: is out of range"));
    }
    if let (Some(pattern), Some(text)) = (schema["pattern"].as_str(), instance.as_str())
        && !regex::Regex::new(pattern).unwrap().is_match(text)
    {
        all.push(format!("{path}: does not match {pattern}"));
    }
    all.extend(errors_inside(schema, instance, path));
    all
}

/// What the entries of a list or a table have against `schema`.
fn errors_inside(schema: &Value, instance: &Value, path: &str) -> Vec<String> {
    let mut all = Vec::new();
    for item in instance.as_array().into_iter().flatten() {
        all.extend(errors(&schema["items"], item, &format!("{path}[]")));
    }
    for key in schema["required"].as_array().into_iter().flatten() {
        if instance.get(key.as_str().unwrap()).is_none() {
            all.push(format!("{path}: lacks {key}"));
        }
    }
    for (key, value) in instance.as_object().into_iter().flatten() {
        let path = format!("{path}.{key}");
        match (
            schema["properties"].get(key),
            &schema["additionalProperties"],
        ) {
            (Some(property), _) | (None, property @ Value::Object(_)) => {
                all.extend(errors(property, value, &path));
            }
            (None, Value::Bool(false)) => all.push(format!("{path}: unknown")),
            (None, _) => {}
        }
    }
    all
}

fn errors_in(toml: &str) -> Vec<String> {
    let schema = documents::json_schema(&targets::profiles());
    let file: toml::Table = toml.parse().unwrap();
    errors(&schema, &serde_json::to_value(file).unwrap(), "")
}

#[test]
fn the_schema_accepts_every_file_that_we_ship_and_every_setting_of_the_reference() {
    for text in [
        include_str!("reference.toml"),
        include_str!("../../../config/default.toml"),
        include_str!("../../../config/example.toml"),
        include_str!("../../../config/simulator.toml"),
        include_str!("../../../src/cli/demo.toml"),
        // A layer may set any part alone.
        "[rules.queue-wait]\nseverity = { high = \"status == 'DOWN'\" }\nflapping = false",
        "[targets.salesforce.auth]\nclient_secret = { file = \"/run/secrets/crm\" }",
    ] {
        assert_eq!(errors_in(text), [""; 0], "{text}");
    }
}

#[test]
fn the_schema_refuses_what_the_daemon_would_refuse() {
    for (text, path) in [
        ("[server]\nlistn = \"0.0.0.0:80\"", ".server.listn"),
        ("[server]\nmax_in_flight = 0", ".server.max_in_flight"),
        (
            "[server]\nmax_in_flight = \"many\"",
            ".server.max_in_flight",
        ),
        ("[rules.r]\nfor = \"soon\"", ".rules.r.for"),
        (
            "[rules.r]\non_recovery = \"Resolve\"",
            ".rules.r.on_recovery",
        ),
        (
            "[rules.r]\ntargets = [{ to = [\"crm\"] }]",
            ".rules.r.targets[]",
        ),
        (
            "[sources.s]\nauth = [{ type = \"bearer\" }]",
            ".sources.s.auth[]",
        ),
        ("[targets.t]\nkind = \"jira\"", ".targets.t.kind"),
        ("[targets.t]\nobject = \"case\"", ".targets.t.object"),
        ("[targets.t.auth]\nflow = \"jwt\"", ".targets.t.auth.flow"),
    ] {
        let errors = errors_in(text);
        assert_eq!(errors.len(), 1, "{text}: {errors:?}");
        assert!(errors[0].starts_with(path), "{text}: {errors:?}");
    }
}

#[test]
fn the_schema_tells_an_editor_type_default_and_meaning() {
    let schema = documents::json_schema(&targets::profiles());
    let server = &schema["properties"]["server"]["properties"];
    assert_eq!(server["max_in_flight"]["default"], json!(1024));
    assert_eq!(server["max_in_flight"]["maximum"], json!(1_000_000));
    let rule = &schema["properties"]["rules"]["additionalProperties"]["properties"];
    let words = json!(["comment", "resolve", "none"]);
    assert_eq!(rule["on_recovery"]["enum"], words);
    let meaning = rule["when"]["description"].as_str().unwrap();
    assert_eq!(
        meaning,
        "the signal is a breach when this holds\n\nRequired."
    );
    let dialect = "https://json-schema.org/draft/2020-12/schema";
    assert_eq!(schema["$schema"], dialect);
}

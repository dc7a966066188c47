//! Layers: what wins, what is kept, and where each value says it was set.

use std::time::Duration;

use ringdown::settings::{FieldValue, report};

use crate::settings::world::{BASE, CRM_SECRET, WEBHOOK_TOKEN, World, shown};

fn drain(text: &str) -> String {
    format!("[server]\ndrain_timeout = \"{text}\"\n")
}

#[test]
fn later_layers_win_and_each_value_knows_its_layer() {
    let world = World::base();
    assert_eq!(
        shown(&world.loaded(), "server.drain_timeout"),
        ("\"20s\"", "built-in")
    );

    world.write("config/default.toml", &drain("21s"));
    let loaded = world.loaded();
    assert_eq!(
        loaded.settings.server.drain_timeout,
        Duration::from_secs(21)
    );
    assert!(
        shown(&loaded, "server.drain_timeout")
            .1
            .ends_with("config/default.toml line 2")
    );

    world.write("config/prod.toml", &drain("22s"));
    let world = world.with_variable("RINGDOWN_ENV", "prod");
    assert_eq!(
        world.loaded().settings.server.drain_timeout,
        Duration::from_secs(22)
    );

    let world = world
        .with_file("one.toml", &drain("23s"))
        .with_file("two.toml", &drain("24s"));
    assert_eq!(
        world.loaded().settings.server.drain_timeout,
        Duration::from_secs(24)
    );

    let world = world.with_variable("RINGDOWN__SERVER__DRAIN_TIMEOUT", "25s");
    let loaded = world.loaded();
    assert_eq!(
        loaded.settings.server.drain_timeout,
        Duration::from_secs(25)
    );
    assert_eq!(
        shown(&loaded, "server.drain_timeout"),
        (
            "\"25s\"",
            "environment variable RINGDOWN__SERVER__DRAIN_TIMEOUT"
        )
    );
}

#[test]
fn variables_reach_names_with_dashes_and_fields_in_any_case() {
    let loaded = World::base()
        .with_variable("RINGDOWN__RULES__QUEUE_WAIT__FOR", "45s")
        .with_variable(
            "RINGDOWN__TARGETS__SALESFORCE__BASE_URL",
            "https://other.my.salesforce.com",
        )
        .with_variable(
            "RINGDOWN__TARGETS__SALESFORCE__CREATE__SUBJECT",
            "Down: {{ queue_name }}",
        )
        .with_variable("RINGDOWN__TARGETS__SALESFORCE__CREATE__Origin", "Phone")
        .loaded();
    assert_eq!(loaded.settings.rules[0].hold_for, Duration::from_secs(45));
    let target = &loaded.settings.targets["salesforce"];
    assert_eq!(target.base_url.as_str(), "https://other.my.salesforce.com/");
    let names: Vec<&str> = target
        .create
        .iter()
        .map(|field| field.name.as_str())
        .collect();
    assert_eq!(names, ["Subject", "Priority", "Description", "Origin"]);
    let FieldValue::Template(subject) = &target.create[0].value else {
        panic!("text is a template");
    };
    assert_eq!(subject.source(), "Down: {{ queue_name }}");
}

#[test]
fn variables_are_read_as_the_type_that_the_key_wants() {
    let loaded = World::base()
        .with_variable("RINGDOWN__SERVER__MAX_IN_FLIGHT", "7")
        .with_variable("RINGDOWN__TARGETS__SALESFORCE__RETRY__FACTOR", "1.5")
        .with_variable(
            "RINGDOWN__SERVER__TRUSTED_PROXIES",
            r#"["10.0.0.0/8", "::1"]"#,
        )
        .with_variable("RINGDOWN__RULES__QUEUE_WAIT__EVENTS", "a.b, c.d")
        .with_variable("RINGDOWN__TARGETS__SALESFORCE__AUTH__CLIENT_ID", "42")
        .loaded();
    assert_eq!(loaded.settings.server.max_in_flight, 7);
    assert_eq!(loaded.settings.server.trusted_proxies.len(), 2);
    assert_eq!(loaded.settings.rules[0].events, ["a.b", "c.d"]);
    assert!((loaded.settings.targets["salesforce"].retry.factor - 1.5).abs() < 1e-9);
}

#[test]
fn a_variable_can_hold_a_secret_or_say_where_it_is() {
    let name = "RINGDOWN__TARGETS__SALESFORCE__AUTH__CLIENT_SECRET";
    let path = "targets.salesforce.auth.client_secret";
    let literal = World::base().with_variable(name, "from-variable").loaded();
    assert_eq!(shown(&literal, path).0, format!("[secret from env {name}]"));
    assert_eq!(literal.warnings, []);
    let elsewhere = World::base()
        .with_variable(name, "{ env = \"ELSEWHERE\" }")
        .with_variable("ELSEWHERE", "there")
        .loaded();
    assert_eq!(shown(&elsewhere, path).0, "[secret from env ELSEWHERE]");
}

#[test]
fn a_later_layer_may_move_a_secret_from_a_variable_to_a_file() {
    let world = World::base();
    let file = world.write("secret.txt", "from-file\n");
    let layer = format!(
        "[targets.salesforce.auth]\nclient_secret = {{ file = \"{}\" }}\n",
        file.display()
    );
    let loaded = world.with_file("later.toml", &layer).loaded();
    let ringdown::settings::TargetAuth::ClientCredentials { client_secret, .. } =
        &loaded.settings.targets["salesforce"].auth
    else {
        panic!("another flow");
    };
    assert_eq!(
        client_secret.expose(),
        "from-file",
        "without its trailing newline"
    );
}

#[test]
fn rules_and_fields_keep_the_order_of_the_files() {
    let loaded = World::base()
        .with_file(
            "more.toml",
            &BASE[BASE.find("[rules").unwrap()..BASE.find("[targets").unwrap()]
                .replace("queue-wait", "a-rule"),
        )
        .loaded();
    let rules: Vec<&str> = loaded
        .settings
        .rules
        .iter()
        .map(|rule| rule.name.as_str())
        .collect();
    assert_eq!(rules, ["queue-wait", "a-rule"]);
    let fields = &loaded.settings.targets["salesforce"].create;
    let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["Subject", "Priority", "Description"]);
}

#[test]
fn defaults_are_the_documented_ones() {
    let settings = World::base().loaded().settings;
    let rule = &settings.rules[0];
    let seconds = |seconds| Duration::from_secs(seconds);
    assert_eq!(
        (
            rule.hold_for,
            rule.clear_for,
            rule.quiet_after,
            rule.burst_lock,
            rule.update_every
        ),
        (
            seconds(0),
            seconds(120),
            seconds(1800),
            seconds(60),
            seconds(900)
        )
    );
    assert_eq!(rule.severity.default, "high");
    let target = &settings.targets["salesforce"];
    assert_eq!((target.timeout, target.limit.concurrent), (seconds(10), 16));
    assert_eq!((target.retry.attempts, target.retry.base), (3, seconds(1)));
    assert_eq!(settings.server.request_timeout, seconds(5));
    assert_eq!(settings.server.max_connections, 2048);
    assert_eq!(settings.store.url.expose(), "sqlite:data/ringdown.db");
}

#[test]
fn showing_the_configuration_shows_no_secret() {
    let loaded = World::base()
        .with_variable("DATABASE", "postgres://ringdown:hunter2@db/ringdown")
        .with_file(
            "more.toml",
            "[store]\nurl = \"postgres://ringdown:hunter3@db/r?password=hunter4\"\n\
             [admin.tokens.ops]\nrole = \"viewer\"\nsecret = \"hunter5-and-more-of-it\"\n",
        )
        .loaded();
    let text = report::effective_text(&loaded.effective);
    let json = report::effective_json(&loaded.effective).to_string();
    let debug = format!("{loaded:?}");
    let warnings = report::problems_text(&[], &loaded.warnings);
    for secret in [WEBHOOK_TOKEN, CRM_SECRET, "hunter"] {
        for output in [&text, &json, &debug, &warnings] {
            assert!(!output.contains(secret), "{secret} in {output}");
        }
    }
    assert!(text.contains("sources.genesys.auth[0].secret = [secret from env WEBHOOK_TOKEN]  # "));
    let from_env = World::base()
        .with_variable("DATABASE", "postgres://ringdown:hunter2@db/ringdown")
        .with_file("more.toml", "[store]\nurl = { env = \"DATABASE\" }\n")
        .loaded();
    assert_eq!(
        shown(&from_env, "store.url").0,
        "[secret from env DATABASE]"
    );
}

#[test]
fn a_literal_secret_works_and_is_warned_about() {
    let loaded = World::base()
        .with_file(
            "more.toml",
            "[admin.tokens.ops]\nrole = \"viewer\"\nsecret = \"hunter5-and-more-of-it\"\n",
        )
        .loaded();
    assert_eq!(
        loaded.settings.admin.tokens["ops"].secret.expose(),
        "hunter5-and-more-of-it"
    );
    assert_eq!(loaded.warnings.len(), 1);
    assert_eq!(loaded.warnings[0].path, "admin.tokens.ops.secret");
    assert!(
        loaded.warnings[0]
            .reason
            .contains("stands in the configuration")
    );
}

#[test]
fn g8_production_differs_from_test_in_its_crm_address_and_credentials_alone() {
    let world = World::empty();
    world.write("config/default.toml", BASE);
    let test = world.loaded().settings;
    world.write(
        "config/prod.toml",
        "[targets.salesforce]\nbase_url = \"https://prod.my.salesforce.com\"\n\
         [targets.salesforce.auth]\nclient_secret = { env = \"PROD_SECRET\" }\n",
    );
    let prod = world
        .with_variable("RINGDOWN_ENV", "prod")
        .with_variable("PROD_SECRET", "prod-s3cret")
        .loaded()
        .settings;
    let (test_target, prod_target) = (&test.targets["salesforce"], &prod.targets["salesforce"]);
    assert_eq!(
        prod_target.base_url.as_str(),
        "https://prod.my.salesforce.com/"
    );
    let secret_of = |target: &ringdown::settings::TargetSettings| match &target.auth {
        ringdown::settings::TargetAuth::ClientCredentials { client_secret, .. } => {
            client_secret.expose().to_owned()
        }
        other => panic!("client credentials, not {other:?}"),
    };
    assert_eq!(secret_of(prod_target), "prod-s3cret");
    assert_ne!(secret_of(test_target), "prod-s3cret");
    assert_eq!(
        format!("{:?}", test_target.create),
        format!("{:?}", prod_target.create)
    );
    assert_eq!(format!("{:?}", test.rules), format!("{:?}", prod.rules));
}

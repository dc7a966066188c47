//! Secrets that are not there, and sources that would let anybody in.

use crate::settings::refusals::{assert_problem, assert_refused, problem_of};
use crate::settings::world::{BASE, World};

#[test]
fn a_secret_that_is_not_there_is_refused() {
    let mut world = World::base();
    world.loader.environment.remove("CRM_SECRET");
    world
        .loader
        .environment
        .insert("CRM_SECRTE".into(), "x".into());
    let path = "targets.salesforce.auth.client_secret";
    assert_problem(
        &world.problem(),
        path,
        "CRM_SECRET is not set",
        Some("CRM_SECRTE"),
    );

    let empty = World::base().with_variable("CRM_SECRET", "");
    assert_problem(&empty.problem(), path, "CRM_SECRET is empty", None);

    let auth = |secret: &str| format!("[targets.salesforce.auth]\nclient_secret = {secret}");
    let world = World::base().with_file("bad.toml", &auth("{ file = \"/nowhere/secret\" }"));
    assert_problem(
        &world.problem(),
        path,
        "/nowhere/secret cannot be read",
        None,
    );

    let world = World::base();
    let file = world.write("empty.txt", "\n");
    let world = world.with_file("bad.toml", &auth(&format!("{{ file = {file:?} }}")));
    assert_problem(&world.problem(), path, "is empty", None);

    assert_refused(
        &auth("{ evn = \"CRM_SECRET\" }"),
        path,
        "unknown key `evn`",
        Some("env"),
    );
    assert_refused(&auth("12345"), path, "must be text", None);
    assert!(!problem_of(&auth("12345")).reason.contains("12345"));
    let world = World::empty().with_file(
        "both.toml",
        &BASE.replace(
            "{ env = \"CRM_SECRET\" }",
            "{ env = \"CRM_SECRET\", file = \"x\" }",
        ),
    );
    assert_problem(&world.problem(), path, "both `env` and `file`", None);
}

/// The configuration with `secret` as an operator's token.
fn with_token(secret: &str) -> World {
    let token = "[admin.tokens.ops]\nrole = \"operator\"\nsecret = { env = \"ADMIN\" }";
    World::base()
        .with_variable("ADMIN", secret)
        .with_file("admin.toml", token)
}

#[test]
fn an_admin_token_that_can_be_guessed_is_refused_with_a_way_to_make_a_good_one() {
    for (secret, reason) in [
        ("a", "fewer than 16 characters"),
        ("fifteen-letters", "fewer than 16 characters"),
        (
            "aaaaaaaaaaaaaaaaaaaaaaaa",
            "fewer than 5 different characters",
        ),
        ("abcdabcdabcdabcdabcd", "fewer than 5 different characters"),
        ("RINGDOWN_ADMIN_TOKEN", "the name of a variable"),
    ] {
        let problem = with_token(secret).problem();
        assert_problem(&problem, "admin.tokens.ops.secret", reason, None);
        assert!(problem.reason.contains("openssl rand -hex 32"), "{problem}");
        assert!(secret == "a" || !problem.to_string().contains(secret));
        assert!(problem.layer.unwrap().contains("admin.toml line "));
    }
    for secret in [
        "sixteen-letters!",
        "9f86d081884c7d659a2feaa0c55ad015",
        "JBSWY3DPEHPK3PXP",
    ] {
        let tokens = with_token(secret).loaded().settings.admin.tokens;
        assert_eq!(tokens["ops"].secret.expose(), secret);
    }
}

/// No example of the documents becomes a token that everybody knows.
#[test]
fn the_examples_of_our_documents_are_no_admin_tokens() {
    let texts = [
        include_str!("../../../README.md"),
        include_str!("../../../config/default.toml"),
        include_str!("../../../config/example.toml"),
        include_str!("../../../deploy/genesys/README.md"),
        include_str!("../../../deploy/servicenow/README.md"),
        include_str!("../../../docs/configuration.md"),
    ];
    let mut seen = 0;
    for text in texts {
        for (_, rest) in text
            .match_indices("env = \"")
            .map(|(at, mark)| (at, &text[at + mark.len()..]))
        {
            let name = rest.split('"').next().unwrap();
            let refused = with_token(name).problem();
            assert_eq!(refused.path, "admin.tokens.ops.secret", "{name}");
            seen += 1;
        }
    }
    assert!(seen > 5, "{seen}");
}

#[test]
fn a_short_secret_of_a_sender_is_warned_about_and_an_empty_one_refused() {
    let callback = "[targets.salesforce.callback]\nauth = ";
    let source = "[sources.genesys]\nauth = ";
    for (section, path) in [
        (source, "sources.genesys.auth[0].secret"),
        (callback, "targets.salesforce.callback.auth[0].secret"),
    ] {
        for method in [
            "{ type = \"bearer\", secret = { env = \"SHARED\" } }",
            "{ type = \"hmac\", secret = { env = \"SHARED\" } }",
            "{ type = \"basic\", username = \"u\", secret = { env = \"SHARED\" } }",
            "{ type = \"header\", secret = { env = \"SHARED\" } }",
        ] {
            let text = format!("{section}[{method}]");
            let with = |secret: &str| {
                World::base()
                    .with_variable("SHARED", secret)
                    .with_file("auth.toml", &text)
            };
            let warnings = with("fifteen-letters").loaded().warnings;
            assert_eq!(warnings.len(), 1, "{text}: {warnings:?}");
            assert_eq!(warnings[0].path, path);
            assert!(warnings[0].reason.contains("fewer than 16 characters"));
            assert_eq!(with("sixteen-letters!").loaded().warnings, [], "{text}");
            assert_problem(&with("").problem(), path, "SHARED is empty", None);
            let literal = text.replace("{ env = \"SHARED\" }", "\"\"");
            let empty = World::base().with_file("auth.toml", &literal);
            assert_problem(&empty.problem(), path, "is empty", None);
        }
    }
}

#[test]
fn a_name_of_the_admin_listener_has_neither_scheme_nor_port() {
    let hosts = |list: &str| format!("[admin]\nhosts = {list}");
    for wrong in [
        "https://ringdown.example.com",
        "ringdown.example.com:9090",
        "*",
        "*.",
        "ringdown.*",
        "",
        "a..b",
    ] {
        let problem = problem_of(&hosts(&format!("[\"good.example.com\", \"{wrong}\"]")));
        assert_problem(&problem, "admin.hosts", "entry 2", None);
    }
    let names = "[\"ringdown.example.com\", \"*.svc.cluster.local\"]";
    let loaded = World::base().with_file("more.toml", &hosts(names)).loaded();
    assert_eq!(
        loaded.settings.admin.hosts,
        ["ringdown.example.com", "*.svc.cluster.local"]
    );
    assert!(World::base().loaded().settings.admin.hosts.is_empty());
}

#[test]
fn a_source_must_authenticate_its_senders() {
    let auth = |auth: &str| problem_of(&format!("[sources.genesys]\nauth = {auth}"));
    let jwt = |rest: &str| {
        auth(&format!(
            "[{{ type = \"jwt\", issuer = \"https://i\", audience = \"a\"{rest} }}]"
        ))
    };
    let path = "sources.genesys.auth";
    assert_problem(&auth("[]"), path, "would let nobody in", None);
    assert_problem(
        &auth("[{ type = \"baerer\" }]"),
        "sources.genesys.auth[0].type",
        "none of bearer, hmac",
        Some("bearer"),
    );
    assert_problem(
        &jwt(""),
        "sources.genesys.auth[0]",
        "needs jwks_url or jwks_file",
        None,
    );
    assert_problem(
        &jwt(", jwks_url = \"http://keys.example.com/\""),
        "sources.genesys.auth[0].jwks_url",
        "in the clear",
        Some("https://keys.example.com/"),
    );
    assert_problem(
        &jwt(", jwks_file = \"/nowhere/jwks.json\""),
        "sources.genesys.auth[0].jwks_file",
        "cannot be read",
        None,
    );
    let keys = ", jwks_url = \"https://keys.example.com/\"";
    assert_problem(
        &jwt(&format!("{keys}, algorithms = [\"RS256\", \"HS256\"]")),
        "sources.genesys.auth[0].algorithms",
        "HS256 is symmetric",
        None,
    );
    assert_problem(
        &jwt(&format!("{keys}, algorithms = [\"none\"]")),
        "sources.genesys.auth[0].algorithms",
        "none of RS256",
        None,
    );
    assert_problem(
        &jwt(&format!("{keys}, jwks_file = \"x\"")),
        "sources.genesys.auth[0]",
        "keep one",
        None,
    );
}

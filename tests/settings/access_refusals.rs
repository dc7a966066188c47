//! Secrets that are not there, and sources that would let anybody in.

use crate::refusals::{assert_problem, assert_refused, problem_of};
use crate::world::{BASE, World};

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

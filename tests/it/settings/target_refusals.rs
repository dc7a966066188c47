//! What is refused about a target, for reasons that lie in the CRM.

use crate::settings::refusals::{assert_problem, problem_of};
use crate::settings::world::{BASE, World};

const SERVICENOW: &str = r#"
[targets.servicenow]
kind = "servicenow"
base_url = "https://example.service-now.com"
auth = { flow = "basic", username = "ringdown", password = { env = "CRM_SECRET" } }
create = { short_description = "{{ queue_name }}" }
"#;

fn salesforce(line: &str) -> ringdown::settings::Problem {
    problem_of(&format!("[targets.salesforce]\n{line}"))
}

fn auth(line: &str) -> ringdown::settings::Problem {
    problem_of(&format!("[targets.salesforce.auth]\n{line}"))
}

#[test]
fn a_targets_address_is_https_without_a_path() {
    let path = "targets.salesforce.base_url";
    assert_problem(
        &salesforce("base_url = \"http://example.my.salesforce.com\""),
        path,
        "loopback addresses only",
        Some("https://example.my.salesforce.com"),
    );
    assert_problem(
        &salesforce("base_url = \"example.my.salesforce.com\""),
        path,
        "is not a URL",
        Some("https://example.my.salesforce.com"),
    );
    assert_problem(
        &salesforce("base_url = \"https://example.my.salesforce.com/services\""),
        path,
        "without a path",
        Some("https://example.my.salesforce.com"),
    );
    let problem = salesforce("base_url = \"https://me:hunter2@example.my.salesforce.com\"");
    assert_problem(&problem, path, "they belong in `auth`", None);
    assert!(!problem.to_string().contains("hunter2"));
    let local = "[targets.salesforce]\nbase_url = \"http://127.0.0.1:8443\"";
    let loaded = World::base().with_file("local.toml", local).loaded();
    assert_eq!(
        loaded.settings.targets["salesforce"].base_url.port(),
        Some(8443)
    );
}

#[test]
fn salesforce_addresses_that_do_not_serve_the_api_are_refused() {
    let path = "targets.salesforce.base_url";
    assert_problem(
        &salesforce("base_url = \"https://example.lightning.force.com\""),
        path,
        "redirect",
        Some("https://example.my.salesforce.com"),
    );
    assert_problem(
        &salesforce("base_url = \"https://login.salesforce.com\""),
        path,
        "holds no records",
        None,
    );
    for host in ["login", "test"] {
        let url = format!("token_url = \"https://{host}.salesforce.com/services/oauth2/token\"");
        assert_problem(
            &auth(&url),
            "targets.salesforce.auth.token_url",
            "does not grant client_credentials",
            None,
        );
    }
}

#[test]
fn salesforce_names_and_versions_are_checked() {
    let version = "targets.salesforce.api_version";
    assert_problem(
        &salesforce("api_version = \"v45.0\""),
        version,
        "older than v46.0",
        None,
    );
    assert_problem(
        &salesforce("api_version = \"64\""),
        version,
        "is not a version",
        Some("v64.0"),
    );
    assert_problem(
        &salesforce("api_version = \"latest\""),
        version,
        "is not a version",
        None,
    );
    assert_problem(
        &salesforce("object = \"case\""),
        "targets.salesforce.object",
        "none of Case, Incident",
        Some("Case"),
    );
    assert_problem(
        &salesforce("external_id_field = \"Ringdown_Id\""),
        "targets.salesforce.external_id_field",
        "ends in __c",
        Some("Ringdown_Id__c"),
    );
    assert_problem(
        &salesforce("external_id_field = \"a/b__c\""),
        "targets.salesforce.external_id_field",
        "is not an API name",
        None,
    );
}

#[test]
fn a_flow_that_a_crm_does_not_know_is_refused() {
    assert_problem(
        &auth("flow = \"jwt_baerer\""),
        "targets.salesforce.auth.flow",
        "none of client_credentials, jwt_bearer",
        Some("jwt_bearer"),
    );
    let text = SERVICENOW.replace("flow = \"basic\"", "flow = \"jwt_bearer\"");
    assert_problem(
        &problem_of(&text),
        "targets.servicenow.auth.flow",
        "password, refresh_token, basic, api_key",
        None,
    );
    assert_problem(
        &problem_of(&SERVICENOW.replace("kind = \"servicenow\"", "kind = \"service-now\"")),
        "targets.servicenow.kind",
        "none of salesforce, servicenow",
        Some("servicenow"),
    );
}

#[test]
fn a_private_key_must_be_one() {
    let text = BASE.replace(
        "flow = \"client_credentials\"\nclient_id = \"ringdown\"\nclient_secret = { env = \"CRM_SECRET\" }",
        "flow = \"jwt_bearer\"\nclient_id = \"x\"\nusername = \"y\"\nprivate_key = { env = \"CRM_SECRET\" }",
    );
    let problem = World::empty().with_file("jwt.toml", &text).problem();
    assert_problem(
        &problem,
        "targets.salesforce.auth.private_key",
        "not an RSA private key in PEM",
        None,
    );
}

#[test]
fn a_target_without_fields_or_login_is_refused() {
    let text = SERVICENOW.replace("create = { short_description = \"{{ queue_name }}\" }", "");
    assert_problem(
        &problem_of(&text),
        "targets.servicenow.create",
        "at least one field",
        None,
    );
    let line = SERVICENOW
        .lines()
        .find(|line| line.starts_with("auth"))
        .unwrap();
    assert_problem(
        &problem_of(&SERVICENOW.replace(line, "")),
        "targets.servicenow.auth",
        "required",
        None,
    );
    let callback = format!("{SERVICENOW}[targets.servicenow.callback]\nauth = []\n");
    assert_problem(
        &problem_of(&callback),
        "targets.servicenow.callback.auth",
        "nobody",
        None,
    );
}

#[test]
fn servicenow_waits_longer_and_calls_less_at_once() {
    let loaded = World::base()
        .with_file("servicenow.toml", SERVICENOW)
        .loaded();
    let target = &loaded.settings.targets["servicenow"];
    assert_eq!(target.timeout.as_secs(), 65);
    assert_eq!(target.limit.concurrent, 12);
}

#[test]
fn two_targets_for_the_same_records_are_warned_about() {
    let twice = format!(
        "{SERVICENOW}{}",
        SERVICENOW.replace("targets.servicenow", "targets.other")
    );
    let loaded = World::base().with_file("twice.toml", &twice).loaded();
    assert_eq!(loaded.warnings.len(), 1);
    assert_eq!(loaded.warnings[0].path, "targets.other.base_url");
    assert!(loaded.warnings[0].reason.contains("targets.servicenow"));
    let elsewhere = twice.replacen("kind = ", "table = \"u_calls\"\nkind = ", 1);
    let loaded = World::base().with_file("twice.toml", &elsewhere).loaded();
    assert_eq!(loaded.warnings, []);
}

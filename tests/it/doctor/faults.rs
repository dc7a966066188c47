//! Every fault that the pre-flight must find: in each CRM by itself, with exit status 1, and
//! without writing anything.

use serde_json::{Value, json};

use super::{BOTH, Said, World};

/// The pre-flight of Salesforce and of ServiceNow, each by itself, in instances with these
/// switches. Each must fail, and leave no ticket.
async fn both(switches: [Value; 2], edits: &[(&str, &str)]) -> [Said; 2] {
    let world = World::new().await;
    let [salesforce, servicenow] = switches;
    world.switch(salesforce, servicenow).await;
    let said = [
        world.doctor(&[BOTH[0]], edits).await,
        world.doctor(&[BOTH[1]], edits).await,
    ];
    for (said, target) in said.iter().zip(BOTH) {
        assert_eq!(said.0, 1, "{target}: {:#?}", said.1);
        assert!(said.1.iter().all(|one| one["target"] == target));
    }
    assert!(world.0.salesforce().tickets().is_empty());
    assert!(world.0.servicenow().tickets().is_empty());
    said
}

/// Switches of neither.
fn as_they_come() -> [Value; 2] {
    [json!({}), json!({})]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_is_found_and_what_needs_a_login_is_skipped() {
    let secret = [
        (
            "{ env = \"SALESFORCE_CLIENT_SECRET\" }",
            "\"wrong-secret-1\"",
        ),
        (
            "{ env = \"SERVICENOW_CLIENT_SECRET\" }",
            "\"wrong-secret-2\"",
        ),
    ];
    let said = both(as_they_come(), &secret).await;
    for (said, target) in said.iter().zip(BOTH) {
        said.has(target, "login", "error", "auth_failure");
        said.has(target, "field", "skipped", "login failed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g14_a_missing_permission_is_found() {
    let switches = [json!({"may_write": false}), json!({"may_create": false})];
    let [salesforce, servicenow] = both(switches, &[]).await;
    salesforce.has("salesforce", "create_permission", "error", "Case");
    servicenow.has("servicenow", "create_permission", "error", "itil_admin");
    servicenow.has("servicenow", "update_permission", "ok", "incident");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_permission_to_change_tickets_is_found() {
    let switches = [json!({"may_write": false}), json!({"may_write": false})];
    let [salesforce, servicenow] = both(switches, &[]).await;
    salesforce.has("salesforce", "update_permission", "error", "Case");
    servicenow.has("servicenow", "update_permission", "error", "itil_admin");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_our_user_may_not_write_is_found() {
    let switches = [
        json!({"read_only_fields": ["Origin"]}),
        json!({"unwritable_fields": ["assignment_group"]}),
    ];
    let [salesforce, servicenow] = both(switches, &[]).await;
    salesforce.has("salesforce", "field", "error", "Origin is read-only");
    let word = "assignment_group is read-only";
    servicenow.has("servicenow", "field", "error", word);
}

#[tokio::test(flavor = "multi_thread")]
async fn g20_an_unknown_field_is_found() {
    let edits = [
        ("Origin = \"Phone\"", "Orgin__c = \"Phone\""),
        ("assignment_group =", "u_no_such_field ="),
    ];
    let [salesforce, servicenow] = both(as_they_come(), &edits).await;
    salesforce.has("salesforce", "field", "error", "Orgin__c");
    servicenow.has("servicenow", "field", "error", "u_no_such_field");
}

#[tokio::test(flavor = "multi_thread")]
async fn g20_a_value_that_is_not_in_the_list_is_found() {
    let edits = [
        ("Status = \"Closed\"", "Status = \"Clsoed\""),
        ("\"Resolved by caller\"", "\"Solved somehow\""),
    ];
    let [salesforce, servicenow] = both(as_they_come(), &edits).await;
    salesforce.has("salesforce", "values", "error", "Clsoed");
    servicenow.has("servicenow", "values", "error", "Solved somehow");
}

#[tokio::test(flavor = "multi_thread")]
async fn g20_a_field_that_is_too_short_is_found() {
    let switches = [
        json!({"custom_fields": [{"name": "Short__c", "length": 10}]}),
        json!({"field_lengths": {"short_description": 20}}),
    ];
    let edits = [("Origin = \"Phone\"", "Short__c = \"{{ queue_name }}\"")];
    let [salesforce, servicenow] = both(switches, &edits).await;
    salesforce.has("salesforce", "length", "error", "Short__c holds 10");
    let word = "short_description holds 20";
    servicenow.has("servicenow", "length", "error", word);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_field_that_is_not_mapped_is_found() {
    let switches = [
        json!({"required_fields": ["Site__c"]}),
        json!({"data_policy_fields": ["caller_id"]}),
    ];
    let [salesforce, servicenow] = both(switches, &[]).await;
    salesforce.has("salesforce", "required", "error", "Site__c");
    servicenow.has("servicenow", "required", "error", "caller_id");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_field_that_is_not_unique_is_found() {
    let switches = [
        json!({"external_id_unique": false}),
        json!({"sys_id_mode": "ignored"}),
    ];
    let [salesforce, servicenow] = both(switches, &[]).await;
    let word = "Ringdown_Id__c is not unique";
    salesforce.has("salesforce", "key_field", "error", word);
    let word = "correlation_id is not unique";
    servicenow.has("servicenow", "key_field", "error", word);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_an_hour_off_is_found() {
    let switches = [
        json!({"clock_offset": 3600}),
        json!({"clock_offset": -3600}),
    ];
    let [salesforce, servicenow] = both(switches, &[]).await;
    salesforce.has("salesforce", "clock", "error", "behind");
    servicenow.has("servicenow", "clock", "error", "ahead of");
}

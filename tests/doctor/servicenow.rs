//! What an instance lets one read, and what can still be said where it does not.

use serde_json::json;

use super::{Said, World};

/// What the pre-flight of ServiceNow says with these switches and arguments.
async fn with(switches: serde_json::Value, arguments: &[&str]) -> Said {
    let world = World::new().await;
    world.switch(json!({}), switches).await;
    world
        .doctor(&[&["servicenow"], arguments].concat(), &[])
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_instance_is_told_to_be_sound_without_writing() {
    let said = with(json!({}), &[]).await;
    said.is_fine();
    said.has("servicenow", "create_permission", "ok", "may create");
    said.has("servicenow", "update_permission", "ok", "may update");
    said.has("servicenow", "required", "ok", "every required field");
    said.has("servicenow", "key_field", "ok", "record ids");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_access_controls_are_hidden_lost_roles_are_a_doubt_and_trying_tells() {
    let switches = json!({
        "roles_lost": true,
        "unreadable_tables": ["sys_security_acl", "sys_security_acl_role"],
    });
    let said = with(switches.clone(), &[]).await;
    said.is_fine();
    said.has("servicenow", "create_permission", "warning", "snc_internal");
    let said = with(switches, &["--write"]).await;
    assert_eq!(said.0, 1);
    said.has("servicenow", "write_create", "error", "ACL");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_can_be_read_nothing_is_claimed_and_trying_tells() {
    let switches = json!({
        "may_create": false,
        "data_policy_fields": ["caller_id"],
        "sys_id_mode": "ignored",
        "unreadable_tables": [
            "sys_user", "sys_user_has_role", "sys_data_policy_rule", "sys_properties",
        ],
    });
    let said = with(switches.clone(), &[]).await;
    said.is_fine();
    said.has("servicenow", "create_permission", "skipped", "--write");
    said.has("servicenow", "required", "skipped", "--write");
    said.has("servicenow", "key_field", "warning", "cannot be read");
    let said = with(switches, &["--write"]).await;
    assert_eq!(said.0, 1);
    said.has("servicenow", "write_create", "error", "ACL");
}

#[tokio::test(flavor = "multi_thread")]
async fn trying_meets_the_policy_that_reading_foretells() {
    let switches = json!({"data_policy_fields": ["caller_id"]});
    let said = with(switches, &["--write"]).await;
    said.has("servicenow", "required", "error", "caller_id");
    said.has(
        "servicenow",
        "write_create",
        "error",
        "Data Policy Exception",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_is_only_mandatory_stops_no_ticket_over_rest() {
    let switches = json!({"mandatory_fields": ["caller_id"]});
    let said = with(switches, &["--write"]).await;
    said.is_fine();
    said.has("servicenow", "required", "warning", "caller_id");
    said.has("servicenow", "write_create", "ok", "INC");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resolution_that_lacks_what_a_policy_demands_is_found() {
    let world = World::new().await;
    let edits = [("close_code = \"Resolved by caller\"", "#")];
    let said = world.doctor(&["servicenow"], &edits).await;
    assert_eq!(said.0, 1);
    said.has(
        "servicenow",
        "required",
        "error",
        "every resolve is refused",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unique_key_needs_no_chosen_record_ids() {
    let switches = json!({"sys_id_mode": "ignored", "unique_fields": ["correlation_id"]});
    let said = with(switches, &[]).await;
    said.is_fine();
    said.has("servicenow", "key_field", "ok", "correlation_id is unique");
}

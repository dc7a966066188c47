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

/// Where the example's line about the impact begins.
const IMPACT: &str = "impact = ";
/// Tickets in a table that extends `incident`, with a field of its own.
const VOICE: [(&str, &str); 1] = [("table = \"incident\"", "table = \"u_voice_incident\"")];
/// The same with a field that there is not.
const MISSPELT: [(&str, &str); 2] = [VOICE[0], (IMPACT, "impct = \"2\"\n#")];

async fn voice(switches: serde_json::Value, edits: &[(&str, &str)]) -> Said {
    let world = World::new().await;
    world.switch(json!({}), switches).await;
    world.doctor(&["servicenow"], edits).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_field_is_an_error_in_a_table_that_extends_incident_too() {
    let said = voice(json!({}), &VOICE).await;
    said.is_fine();
    said.has("servicenow", "object", "ok", "u_voice_incident");
    said.has("servicenow", "field", "ok", "create.short_description");
    // Two levels up: the choices, the controls and the policies are inherited.
    said.has("servicenow", "create_permission", "ok", "may create");
    said.has("servicenow", "required", "ok", "every required field");
    let own = [VOICE[0], (IMPACT, "u_carrier = \"Example\"\n#")];
    let said = voice(json!({}), &own).await;
    said.is_fine();
    said.has("servicenow", "field", "ok", "create.u_carrier");

    let said = voice(json!({}), &MISSPELT).await;
    assert_eq!(said.0, 1);
    said.has("servicenow", "field", "error", "has no field impct");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_table_inherits_counts_for_it() {
    let switches = json!({
        "may_create": false,
        "field_lengths": {"short_description": 20},
        "data_policy_fields": ["caller_id"],
    });
    let bad_choice = [VOICE[0], (IMPACT, "impact = \"9\"\n#")];
    let said = voice(switches, &bad_choice).await;
    assert_eq!(said.0, 1);
    said.has("servicenow", "create_permission", "error", "itil_admin");
    said.has("servicenow", "length", "error", "short_description");
    said.has("servicenow", "values", "error", "9");
    said.has("servicenow", "required", "error", "caller_id");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_field_is_a_doubt_where_what_the_table_extends_cannot_be_read() {
    for switches in [
        json!({"unreadable_tables": ["sys_db_object"]}),
        json!({"unreadable_columns": ["sys_db_object.super_class.name"]}),
        json!({"undescribed_tables": ["incident"]}),
    ] {
        let said = voice(switches.clone(), &MISSPELT).await;
        assert_eq!(said.0, 0, "{switches}: {:#?}", said.1);
        said.has("servicenow", "field", "warning", "has no field impct");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_key_field_that_cannot_be_read_nothing_worse_is_said_than_is_known() {
    let hidden = json!({"unreadable_tables": ["sys_dictionary"]});
    let said = with(hidden, &[]).await;
    said.is_fine();
    said.has(
        "servicenow",
        "field",
        "warning",
        "no field could be checked",
    );
    said.has("servicenow", "key_field", "ok", "cannot be read");
    for switches in [
        json!({"unreadable_tables": ["sys_dictionary"]}),
        json!({"undescribed_tables": ["task"]}),
        json!({"unreadable_columns": ["sys_dictionary.unique"]}),
    ] {
        let mut switches = switches;
        switches["sys_id_mode"] = json!("forbidden");
        let said = with(switches.clone(), &[]).await;
        let is_key = |one: &&serde_json::Value| one["check"] == "key_field";
        assert_eq!(said.1.iter().filter(is_key).count(), 1, "{:#?}", said.1);
        assert_eq!(said.0, 0, "{switches}: {:#?}", said.1);
        said.has("servicenow", "key_field", "warning", "correlation_id");
    }
    // What can be read is judged as before.
    let said = with(json!({"sys_id_mode": "forbidden"}), &[]).await;
    assert_eq!(said.0, 1);
    said.has("servicenow", "key_field", "error", "is not unique");
}

//! What every ticket refers to: a group, a configuration item, a caller, an owner, a record type.

use serde_json::json;

use super::{Said, World};

const GROUP: &str = "assignment_group = \"Telephony Operations\"";
const ORIGIN: &str = "Origin = \"Phone\"";

/// What the pre-flight of `target` says with a line of the example replaced.
async fn with(target: &str, line: &str, by: &str) -> Said {
    World::new().await.doctor(&[target], &[(line, by)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_ids_of_records_are_looked_up_in_servicenow() {
    let lines = format!(
        "{GROUP}\ncmdb_ci = \"Edge Berlin 1\"\ncaller_id = \"agent\"\nlocation = \"{}\"",
        "0".repeat(32)
    );
    let said = with("servicenow", GROUP, &lines).await;
    assert_eq!(said.0, 1);
    for found in ["Telephony Operations", "Edge Berlin 1", "\"agent\""] {
        said.has("servicenow", "reference", "ok", found);
    }
    said.has("servicenow", "reference", "error", "create.location");

    let said = with("servicenow", GROUP, "assignment_group = \"No Such Group\"").await;
    assert_eq!(said.0, 1);
    let words = "create.assignment_group: \"No Such Group\" is the name of no record";
    said.has("servicenow", "reference", "error", words);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_our_user_may_not_read_is_named() {
    let world = World::new().await;
    let hidden = json!({"unreadable_tables": ["sys_user_group"]});
    world.switch(json!({}), hidden).await;
    let said = world.doctor(&["servicenow"], &[]).await;
    said.is_fine();
    let words = "our user may not read sys_user_group";
    said.has("servicenow", "reference", "warning", words);
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_of_records_are_looked_up_in_salesforce() {
    let sound = "OwnerId = \"00G5g00000QuEuEEAV\"\nRecordTypeId = \"012000000000000\"";
    let said = with("salesforce", ORIGIN, sound).await;
    said.is_fine();
    said.has("salesforce", "reference", "ok", "\"Telephony Queue\"");
    said.has("salesforce", "reference", "ok", "\"Master\"");

    for (wrong, words) in [
        ("OwnerId = \"00G5g00000nOnEnEAV\"", "there is no Group"),
        ("OwnerId = \"Telephony Queue\"", "is no record id"),
        ("RecordTypeId = \"012000000000001AAA\"", "no record type"),
    ] {
        let said = with("salesforce", ORIGIN, wrong).await;
        assert_eq!(said.0, 1, "{wrong}");
        said.has("salesforce", "reference", "error", words);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_come_first_and_what_is_fine_comes_last() {
    let world = World::new().await;
    let edits = [
        (GROUP, "assignment_group = \"No Such Group\""),
        (ORIGIN, "OwnerId = \"no id\""),
        ("external_id_field = \"Ringdown_Id__c\"", ""),
    ];
    let said = world.doctor(&[], &edits).await;
    let results: Vec<&str> = said
        .1
        .iter()
        .flat_map(|one| one["result"].as_str())
        .collect();
    let rank = |result: &&str| {
        ["error", "warning", "skipped", "ok"]
            .iter()
            .position(|one| one == result)
    };
    assert!(results.is_sorted_by_key(rank), "{results:?}");
    assert_eq!(results.iter().filter(|one| **one == "error").count(), 2);
    assert!(results.contains(&"warning") && results.contains(&"ok"));
}

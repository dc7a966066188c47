//! Metadata: what the doctor reads before anything is sent.

use serde_json::Value;

use crate::simulator_salesforce::org::Org;

fn field<'a>(body: &'a Value, name: &str) -> Option<&'a Value> {
    let fields = body["fields"].as_array().unwrap();
    fields.iter().find(|field| field["name"] == name)
}

#[tokio::test]
async fn g14_describe_tells_what_the_user_may_do() {
    let org = Org::start().await;
    let (_, body) = org.get("/sobjects/Case/describe").await;
    assert_eq!(body["createable"], true);
    org.configure(|switches| switches.may_write = false);
    let (_, body) = org.get("/sobjects/Case/describe").await;
    assert_eq!(body["createable"], false);
    assert_eq!(field(&body, "Subject").unwrap()["createable"], false);
    let (status, _) = org.upsert("rd-1", serde_json::json!({})).await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn fields_tell_length_writability_uniqueness_and_their_values() {
    let org = Org::start().await;
    let (_, body) = org.get("/sobjects/Case/describe").await;
    let key = field(&body, "Ringdown_Id__c").unwrap();
    assert_eq!(
        (&key["externalId"], &key["unique"]),
        (&true.into(), &true.into())
    );
    assert_eq!(key["length"], 255);
    assert_eq!(field(&body, "Subject").unwrap()["length"], 255);
    assert_eq!(field(&body, "IsClosed").unwrap()["createable"], false);
    let statuses = field(&body, "Status").unwrap()["picklistValues"].clone();
    assert_eq!(statuses[3]["value"], "Closed");
    org.configure(|switches| {
        switches.external_id_unique = false;
        switches.external_id_length = 40;
        switches.required_fields = vec!["Queue__c".into()];
    });
    let (_, body) = org.get("/sobjects/Case/describe").await;
    let key = field(&body, "Ringdown_Id__c").unwrap();
    assert_eq!(
        (&key["unique"], &key["length"]),
        (&false.into(), &40.into())
    );
    assert_eq!(field(&body, "Queue__c").unwrap()["nillable"], false);
}

#[tokio::test]
async fn hidden_fields_are_absent_and_unlicensed_objects_are_not_found() {
    let org = Org::with(|switches| {
        switches.hidden_fields = vec!["Origin".into()];
        switches.incident_object = false;
    })
    .await;
    let (_, body) = org.get("/sobjects/Case/describe").await;
    assert_eq!(field(&body, "Origin"), None);
    assert_eq!(org.get("/sobjects/Incident/describe").await.0, 404);
    let (_, body) = org.get("/sobjects").await;
    let objects = body["sobjects"].as_array().unwrap();
    assert!(objects.iter().all(|object| object["name"] != "Incident"));
}

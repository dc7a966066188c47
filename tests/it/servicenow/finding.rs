//! Looking tickets up by our key.

use ringdown::domain::failure::{FailureKind, Remedy};
use ringdown::domain::identity::IncidentId;
use ringdown::domain::ticket::TicketKey;
use ringdown::targets::Crm;
use serde_json::json;

use crate::servicenow::cases::{GROUP, OTHER, fields, key, row};
use crate::servicenow::instance::{Instance, Line, absent, client, result};

#[tokio::test]
async fn a_look_up_by_key_takes_no_stranger() {
    let strangers = json!([row(OTHER, "", "2026-11-23 16:00:00")]);
    let (instance, base) = Instance::playing([absent(), result(strangers)]).await;
    let failure = client(&base).find(&key()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::IntegrationFailure);
    assert_eq!(failure.remedy(), Remedy::HoldTarget);
    assert_eq!(instance.asked().len(), 2);
}

#[tokio::test]
async fn strangers_mean_no_ticket_where_the_chosen_id_is_conclusive() {
    let strangers = json!([row(OTHER, "", "2026-11-23 16:00:00")]);
    let script = [Line::Created(json!({})), absent(), result(strangers)];
    let (_, base) = Instance::playing(script).await;
    let client = client(&base);
    client.create(&key(), &fields()).await.unwrap();
    let second = TicketKey::of_incident(&IncidentId::new("second"));
    assert_eq!(client.find(&second).await, Ok(None));
}

#[tokio::test]
async fn of_several_tickets_with_our_key_the_oldest_is_taken() {
    let ours = json!([
        row(GROUP, key().as_str(), "2026-11-23 16:00:07"),
        row(OTHER, key().as_str(), "2026-11-23 16:00:01"),
    ]);
    let (instance, base) = Instance::playing([absent(), result(ours)]).await;
    let ticket = client(&base).find(&key()).await.unwrap().unwrap();
    assert_eq!(ticket.id, OTHER);
    let query = instance.asked()[1].query.clone();
    assert!(query.contains("ORDERBYDESCsys_created_on"));
    assert!(!query.contains("active%3D"));
}

#[tokio::test]
async fn a_deleted_ticket_reads_as_none() {
    let (_, base) = Instance::playing([absent()]).await;
    assert_eq!(client(&base).read(OTHER).await, Ok(None));
}

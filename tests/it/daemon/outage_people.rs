//! What people do to the tickets of outages and of their members.

use ringdown::simulator::{Fault, FaultKind, Trigger};

use crate::daemon::site::Site;
use crate::support::crm::At;

/// Everything that happened to the incident with this key.
async fn story(site: &Site, key: &str) -> String {
    site.incident(key).await["history"].to_string()
}

async fn until_state(site: &Site, key: &str, state: &str) {
    site.world
        .until(&format!("{key} is {state}"), async || {
            site.incident(key).await["state"] == state
        })
        .await;
}

#[tokio::test]
async fn who_closes_the_outages_ticket_closes_what_it_held_and_a_lasting_breach_forms_another() {
    for at in At::BOTH {
        let mut site = Site::open(at, at, "").await;
        site.breach("A", 0..1).await;
        let own = site.until_tickets(at, 1).await.remove(0);
        site.breach("A", 1..6).await;
        let outage = site.until_outages(at, 1).await.remove(0);
        site.world.all_delivered().await;
        site.close(at, &outage.id);
        // No event is needed for that.
        until_state(&site, "A3", "closed").await;
        let told = story(&site, "A3").await;
        assert!(told.contains("was closed with its ticket"), "{told}");
        until_state(&site, "A", "closed").await;
        assert_eq!(
            site.incident("A0").await["state"],
            "open",
            "it goes on alone"
        );
        site.breach("A", 0..6).await;
        let second = site.until_outages(at, 2).await.remove(1);
        site.world.all_delivered().await;
        let tickets = site.tickets(at);
        assert_eq!(tickets.len(), 3, "{at:?}: {tickets:?}");
        assert!(tickets.iter().all(|one| one.parent != second.id));
        assert!(!tickets.iter().any(|one| one.id == own.id && one.closed));
        site.recover("A", 0..6).await;
        site.until_all_is_over(at).await;
        assert_eq!(site.tickets(at).len(), 3);
    }
}

#[tokio::test]
async fn who_closes_a_members_ticket_closes_the_member_and_it_comes_back_without_one() {
    let at = At::Salesforce;
    let mut site = Site::open(at, at, "").await;
    site.breach("A", 0..1).await;
    let own = site.until_tickets(at, 1).await.remove(0);
    site.breach("A", 1..6).await;
    site.until_outages(at, 1).await;
    site.world.all_delivered().await;
    site.close(at, &own.id);
    until_state(&site, "A0", "closed").await;
    site.breach("A", 0..1).await;
    until_state(&site, "A0", "pending").await;
    let told = story(&site, "A0").await;
    assert!(told.contains("held by an outage"), "{told}");
    site.recover("A", 0..6).await;
    site.until_all_is_over(at).await;
    assert_eq!(site.tickets(at).len(), 2);
}

#[tokio::test]
async fn an_outage_whose_last_member_is_closed_by_a_person_is_over_at_once() {
    let at = At::ServiceNow;
    let mut site = Site::open(at, at, "").await;
    site.breach("A", 0..1).await;
    let own = site.until_tickets(at, 1).await.remove(0);
    site.breach("A", 1..6).await;
    site.until_outages(at, 1).await;
    site.world.all_delivered().await;
    site.recover("A", 1..6).await;
    until_state(&site, "A5", "closed").await;
    assert!(!site.outages(at)[0].closed);
    site.close(at, &own.id);
    site.world
        .until("the outage is resolved", async || {
            site.outages(at)[0].closed
        })
        .await;
}

#[tokio::test]
async fn who_gives_the_outages_ticket_up_gives_every_member_its_own() {
    let mut site = Site::open(At::Salesforce, At::ServiceNow, "").await;
    let refusal = FaultKind::ValidationRefusal {
        code: "No outages".to_owned(),
        message: "outages are not welcome here".to_owned(),
        field: None,
    };
    let fault = Fault::new(refusal, Trigger::Always).on_method("POST");
    site.world
        .simulator
        .servicenow()
        .add_fault(fault.on_path("/table/incident"));
    site.breach("A", 0..1).await;
    site.until_tickets(At::Salesforce, 1).await;
    site.breach("A", 1..6).await;
    site.world
        .until("the outage's create is a dead letter", async || {
            !site.world.items("dead-letters").await.is_empty()
        })
        .await;
    assert_eq!(site.tickets(At::Salesforce).len(), 1, "the others are held");
    let letters = site.world.items("dead-letters").await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!(letters[0]["operation"], "create");
    let id = letters[0]["id"].as_str().unwrap();
    site.world.act(&format!("dead-letters/{id}/discard")).await;
    site.until_tickets(At::Salesforce, 6).await;
    until_state(&site, "A", "closed").await;
    let told = story(&site, "A0").await;
    assert!(told.contains("link was discarded"), "{told}");
    assert!(told.contains("its create was discarded by ops"), "{told}");
    // Still breaching, they form no other: a person has decided.
    site.breach("A", 0..6).await;
    site.world
        .until("the breaches are heard", async || {
            site.incident("A5").await["occurrences"] == 2
        })
        .await;
    assert_eq!(
        site.world.items("incidents?rule=outage:site").await.len(),
        1
    );
    site.recover("A", 0..6).await;
    site.until_all_is_over(At::Salesforce).await;
    assert_eq!(site.tickets(At::Salesforce).len(), 6);
    assert!(site.tickets(At::ServiceNow).is_empty());
    let owed = site.world.items("deliveries?limit=100").await;
    let waiting = owed.iter().filter(|one| one["state"] == "waiting");
    assert_eq!(waiting.count(), 0, "{owed:?}");
}

#[tokio::test]
async fn an_outage_whose_ticket_cannot_be_written_leaves_every_member_its_own() {
    let mut site = Site::unstarted(At::Salesforce, At::ServiceNow, "").await;
    site.edit(
        "urgency = \"2\"",
        "urgency = \"2\"\ncaller_id = \"{{ labels.caller }}\"",
    );
    site.world.start().await;
    site.breach("A", 0..6).await;
    site.until_tickets(At::Salesforce, 6).await;
    assert!(site.world.log().contains("members open their own"));
    assert!(
        site.world
            .items("incidents?rule=outage:site")
            .await
            .is_empty()
    );
    site.recover("A", 0..6).await;
    site.until_all_is_over(At::Salesforce).await;
}

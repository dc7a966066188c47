//! What people do to the tickets of outages and of their members.

use ringdown::simulator::{Fault, FaultKind, Trigger};
use serde_json::{Value, json};

use crate::daemon::site::Site;
use crate::support::crm::At;
use crate::support::world::ADMIN_TOKEN;

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
    assert_eq!(site.incident("A").await["outage"]["present"], 6);
    site.close(at, &own.id);
    until_state(&site, "A0", "closed").await;
    site.world
        .until("the outage does not count it any more", async || {
            site.incident("A").await["outage"]["present"] == 5
        })
        .await;
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

async fn ask(site: &Site, id: &Value, action: &str, body: &Value) -> (u16, String) {
    let id = id.as_str().unwrap();
    let url = format!("{}/api/v1/incidents/{id}/{action}", site.world.admin);
    let request = site.world.client.post(url).bearer_auth(ADMIN_TOKEN);
    let answer = request.json(body).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn who_puts_an_incident_into_an_outage_makes_it_a_member_like_the_others() {
    for at in At::BOTH {
        let mut site = Site::open(at, at, "").await;
        site.breach("A", 1..6).await;
        let outage = site.until_outages(at, 1).await.remove(0);
        // Of another site: no rule puts it there.
        site.breach("B", 0..1).await;
        site.until_tickets(at, 2).await;
        site.world.all_delivered().await;
        let id = site.incident("B0").await["id"].clone();
        let join = json!({"reason": "the same line", "outage": outage.number});
        let (status, answer) = ask(&site, &id, "join-outage", &join).await;
        assert_eq!(status, 200, "{answer}");
        site.world
            .until("its ticket is linked", async || {
                let tickets = site.tickets(at);
                let mut own = tickets.iter().filter(|one| one.id != outage.id);
                own.all(|one| one.parent == outage.id)
            })
            .await;
        site.world.all_delivered().await;
        let own = site.tickets(at).into_iter().find(|one| one.id != outage.id);
        let told = own.map(|one| one.comments.join("\n")).unwrap_or_default();
        let why = "A person put this into the outage site of A.";
        assert!(told.contains(why), "{at:?}: {told}");
        let member = site.incident("B0").await;
        assert_eq!(member["outage_id"], site.incident("A").await["id"]);
        let (status, answer) = ask(&site, &id, "join-outage", &join).await;
        assert_eq!(status, 409, "{answer}");
        assert!(answer.contains("part of an outage already"), "{answer}");
        let audit = site.world.items("audit").await;
        assert_eq!(audit[0]["action"], "incident.join_outage");
        assert_eq!(audit[0]["detail"]["outage"], member["outage_id"]);
        // It keeps the outage open, and is over with it.
        site.recover("A", 1..6).await;
        until_state(&site, "A3", "closed").await;
        assert!(!site.outages(at)[0].closed, "{at:?}");
        site.recover("B", 0..1).await;
        site.until_all_is_over(at).await;
        assert_eq!(site.tickets(at).len(), 2);
    }
}

#[tokio::test]
async fn what_cannot_join_an_outage_is_refused_with_the_reason() {
    let at = At::Salesforce;
    let mut site = Site::open(at, At::ServiceNow, "").await;
    site.breach("A", 1..6).await;
    let outage = site.until_outages(At::ServiceNow, 1).await.remove(0);
    site.breach("B", 0..1).await;
    site.until_tickets(at, 1).await;
    site.world.all_delivered().await;
    let (alone, member) = (site.incident("B0").await, site.incident("A1").await);
    for (who, named, status, why) in [
        (&alone, &*outage.number, 409, "in another target"),
        (&alone, "no-such-outage", 404, "no-such-outage"),
        (&alone, "", 400, "outage is missing"),
        (&alone, member["id"].as_str().unwrap(), 409, "is no outage"),
        (&member, &*outage.number, 409, "part of an outage already"),
    ] {
        let body = json!({"reason": "a test", "outage": named});
        let (found, answer) = ask(&site, &who["id"], "join-outage", &body).await;
        assert_eq!(found, status, "{named}: {answer}");
        assert!(answer.contains(why), "{named}: {answer}");
    }
    let body = json!({"reason": "a test", "outage": outage.number});
    let (status, answer) = ask(&site, &member["id"], "leave-outage", &body).await;
    assert_eq!(status, 400, "{answer}");
    site.close(At::ServiceNow, &outage.id);
    until_state(&site, "A", "closed").await;
    let over = json!({"reason": "a test", "outage": site.incident("A").await["id"]});
    let (status, answer) = ask(&site, &alone["id"], "join-outage", &over).await;
    assert_eq!(status, 409, "{answer}");
    assert!(answer.contains("that outage is closed"), "{answer}");
}

#[tokio::test]
async fn a_member_that_a_person_took_out_can_be_put_in_again() {
    let at = At::ServiceNow;
    let mut site = Site::open(at, at, "").await;
    site.breach("A", 1..6).await;
    site.until_outages(at, 1).await;
    site.world.all_delivered().await;
    let member = site.incident("A1").await;
    let why = json!({"reason": "a test"});
    let (status, answer) = ask(&site, &member["id"], "leave-outage", &why).await;
    assert_eq!(status, 200, "{answer}");
    site.until_tickets(at, 2).await;
    let join = json!({"reason": "it was the same", "outage": member["outage_id"]});
    let (status, answer) = ask(&site, &member["id"], "join-outage", &join).await;
    assert_eq!(status, 200, "{answer}");
    site.world
        .until("its own ticket is linked", async || {
            site.tickets(at).iter().any(|one| !one.parent.is_empty())
        })
        .await;
}

//! What people do is found by polling alone.

use ringdown::simulator::{Fault, FaultKind, Trigger};
use serde_json::json;

use crate::support::crm::At;
use crate::support::world::event;
use crate::sync::desk::{Desk, NEVER, OFTEN, story};

#[tokio::test]
async fn a_person_closes_the_ticket_and_a_lasting_breach_opens_exactly_one_new_one() {
    for at in At::BOTH {
        let desk = Desk::open(at, OFTEN).await;
        assert_eq!(desk.world.items("locks").await.len(), 1);
        desk.close();
        let incident = desk.closed().await;
        let story = story(&incident);
        let who = match at {
            At::Salesforce => "by Ada Agent",
            At::ServiceNow => "by agent",
        };
        assert!(
            story.contains("ticket closed in the CRM") && story.contains(who),
            "{story}"
        );
        assert_eq!(incident["ticket"]["closed"], true);
        assert!(
            desk.world.items("locks").await.is_empty(),
            "the burst lock is released"
        );
        for number in 2..6 {
            desk.breach(&format!("evt-{number}")).await;
        }
        let two = async || desk.tickets().len() == 2;
        desk.world.until("there is a second ticket", two).await;
        desk.world.all_delivered().await;
        assert_eq!(desk.tickets().len(), 2, "{at:?}");
        assert_eq!(desk.world.items("incidents").await.len(), 2);
    }
}

/// Salesforce says that it is deleted. ServiceNow only does not show it any more.
#[cfg(feature = "fault-points")]
#[tokio::test]
async fn a_deleted_ticket_closes_its_incident_and_the_history_says_so() {
    for (at, fate) in [
        (At::Salesforce, "deleted"),
        (At::ServiceNow, "not shown any more"),
    ] {
        let desk = Desk::open(at, OFTEN).await;
        desk.delete();
        if at == At::ServiceNow {
            desk.until_missed(1).await;
            desk.world.pass(std::time::Duration::from_secs(601));
        }
        let incident = desk.closed().await;
        let told = format!("ticket {fate}");
        assert!(story(&incident).contains(&told), "{at:?}");
        assert_eq!(incident["ticket"]["fate"], fate);
        desk.breach("evt-2").await;
        let one = async || desk.tickets().len() == 1;
        desk.world.until("a lasting breach opens one", one).await;
    }
}

#[tokio::test]
async fn a_merged_ticket_closes_its_incident_and_the_history_names_the_other() {
    for at in At::BOTH {
        let desk = Desk::open(at, OFTEN).await;
        desk.world
            .accept(&crate::support::world::event("evt-other", "q2", 500.0))
            .await;
        let two = async || desk.tickets().len() == 2;
        desk.world.until("there is another ticket", two).await;
        desk.world.all_delivered().await;
        let tickets = desk.tickets();
        let simulator = &desk.world.simulator;
        let into = desk.id_of(&tickets[1]);
        let (merged, other) = match at {
            At::Salesforce => (
                simulator.salesforce().merge_tickets(&desk.ticket, &into),
                into.clone(),
            ),
            At::ServiceNow => (
                simulator.servicenow().merge_tickets(&desk.ticket, &into),
                tickets[1]["number"].as_str().unwrap().to_owned(),
            ),
        };
        assert!(merged);
        let story = story(&desk.closed().await);
        assert!(
            story.contains(&format!("ticket merged into {other}")),
            "{story}"
        );
        let newest = &desk.world.items("incidents").await[0];
        assert_eq!(newest["state"], "open", "the other one goes on");
    }
}

#[tokio::test]
async fn a_reassigned_ticket_with_a_new_priority_is_shown() {
    for at in At::BOTH {
        let desk = Desk::open(at, OFTEN).await;
        desk.seen().await;
        let (change, priority, assignee, state) = match at {
            At::Salesforce => (
                json!({"OwnerId": "0055g00000PeRsOAAV", "Priority": "Low", "Status": "Working"}),
                "Low",
                "Ada Agent",
                "Working",
            ),
            At::ServiceNow => (
                json!({"assigned_to": desk.agent().await, "urgency": "3", "impact": "3", "state": "2"}),
                "5",
                "Abel Agent",
                "2",
            ),
        };
        desk.edit(&change);
        desk.world
            .until("the change is shown", async || {
                desk.incident().await["ticket"]["state"] == state
            })
            .await;
        let incident = desk.incident().await;
        let ticket = &incident["ticket"];
        assert!(
            ticket["priority"].as_str().unwrap().starts_with(priority),
            "{ticket}"
        );
        assert_eq!(ticket["assignee"], assignee);
        assert_eq!(incident["state"], "open");
        let told = story(&incident);
        assert!(told.contains("ticket priority changed"), "{told}");
        let shown = desk.shown_by_the_command_line(incident["id"].as_str().unwrap());
        for (name, value) in ticket.as_object().unwrap() {
            let value = value.as_str().unwrap_or_default();
            assert!(shown.contains(value), "{name} is not in {shown}");
        }
    }
}

#[tokio::test]
async fn a_ticket_closed_by_our_own_resolution_is_not_told_as_a_persons() {
    for at in At::BOTH {
        let desk = Desk::open(at, OFTEN).await;
        desk.world
            .accept(&crate::support::world::event("evt-2", "q1", 100.0))
            .await;
        desk.closed().await;
        desk.world.all_delivered().await;
        // Another open incident keeps the poll going over the resolved one.
        desk.world
            .accept(&crate::support::world::event("evt-3", "q2", 500.0))
            .await;
        desk.world
            .until("our own resolution came back", async || {
                desk.incident().await["ticket"]["closed"] == true
            })
            .await;
        let story = story(&desk.incident().await);
        assert!(!story.contains("closed in the CRM"), "{story}");
    }
}

#[tokio::test]
async fn a_ticket_that_was_resolved_by_us_shows_its_state_without_a_poll() {
    for (at, state) in [(At::Salesforce, "Closed"), (At::ServiceNow, "6")] {
        let desk = Desk::open(at, NEVER).await;
        desk.reading("evt-2", 100.0).await;
        desk.world
            .until("the ticket is shown as resolved", async || {
                let ticket = desk.incident().await["ticket"].clone();
                ticket["state"] == state && ticket["closed"] == true
            })
            .await;
        let story = story(&desk.incident().await);
        assert!(!story.contains("closed in the CRM"), "{story}");
        assert!(!story.contains("reopened"), "{story}");
    }
}

#[tokio::test]
async fn what_was_done_while_the_daemon_was_away_is_found_at_its_return() {
    let mut desk = Desk::open(At::Salesforce, OFTEN).await;
    desk.world.daemon.kill();
    desk.close();
    desk.world.start().await;
    assert!(story(&desk.closed().await).contains("by Ada Agent"));
}

#[tokio::test]
async fn without_open_tickets_the_crm_is_not_asked() {
    let desk = Desk::open(At::Salesforce, OFTEN).await;
    desk.close();
    desk.closed().await;
    let polls = || {
        let requests = desk.world.simulator.salesforce().requests();
        let is_poll = |path: &str| path.ends_with("/queryAll");
        requests.iter().filter(|one| is_poll(&one.path)).count()
    };
    let before = polls();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert!(polls() <= before + 1, "one may have been under way");
}

#[tokio::test]
async fn one_query_finds_what_happened_to_many_tickets() {
    const MORE: usize = 30;
    for at in At::BOTH {
        let desk = Desk::open(at, "500ms").await;
        for number in 0..MORE {
            let event = crate::support::world::event(
                &format!("evt-more-{number}"),
                &format!("more-{number}"),
                500.0,
            );
            desk.world.accept(&event).await;
        }
        let all = async || desk.tickets().len() == MORE + 1;
        desk.world.until("every queue has its ticket", all).await;
        desk.world.all_delivered().await;
        let before = desk.reads();
        desk.close_all();
        desk.world
            .until("every incident is closed", async || {
                let incidents = desk.world.items("incidents?limit=500").await;
                incidents.len() == MORE + 1 && incidents.iter().all(|one| one["state"] == "closed")
            })
            .await;
        let asked = desk.reads() - before;
        assert!(asked < MORE / 2, "{at:?} was asked {asked} times");
    }
}

#[tokio::test]
async fn what_a_closed_ticket_was_still_owed_is_owed_no_longer() {
    for at in At::BOTH {
        let desk = Desk::with(at, OFTEN, "update_every = \"1ms\"").await;
        // A comment that the CRM refuses for good becomes a dead letter.
        desk.switch(&json!({"may_write": false}));
        desk.breach("evt-2").await;
        let dead = async || !desk.world.items("dead-letters").await.is_empty();
        desk.world.until("there is a dead letter", dead).await;
        desk.close();
        let story = story(&desk.closed().await);
        assert!(
            story.contains(r#""nothing more is written": "1,"#),
            "{story}"
        );
        assert!(desk.world.items("dead-letters").await.is_empty());
    }
}

#[tokio::test]
async fn a_closed_ticket_leaves_the_incident_open_where_that_is_configured() {
    let desk = Desk::ignoring(At::Salesforce, OFTEN).await;
    desk.close();
    desk.world
        .until("the closing is shown", async || {
            desk.incident().await["ticket"]["closed"] == true
        })
        .await;
    assert_eq!(desk.incident().await["state"], "open");
    desk.breach("evt-2").await;
    desk.delete();
    let story = story(&desk.closed().await);
    assert!(story.contains("ticket deleted"), "{story}");
}

/// Of a ticket that is gone, other tickets are read too, to see whether our user may still read any.
#[cfg(feature = "fault-points")]
#[tokio::test]
async fn a_ticket_that_is_read_for_the_sake_of_another_one_is_not_judged() {
    // No second sweep of all open tickets comes within the test.
    let desk = Desk::open(At::ServiceNow, "2s").await;
    desk.seen().await;
    desk.world.accept(&event("evt-2", "q2", 400.0)).await;
    let two = async || desk.tickets().len() == 2;
    desk.world
        .until("the second queue has its ticket", two)
        .await;
    desk.world.all_delivered().await;
    desk.switch(&json!({"unreadable_tables": ["incident"]}));
    let body = json!({"error": {"message": "No Record found", "detail": ""}, "status": "failure"});
    let gone = FaultKind::Status {
        status: 404,
        body: body.to_string(),
        content_type: "application/json".to_owned(),
    };
    let gone = Fault::new(gone, Trigger::Always).on_method("PATCH");
    desk.world.simulator.servicenow().add_fault(gone);
    desk.world.accept(&event("evt-3", "q2", 100.0)).await;
    desk.world
        .until("a look misses the ticket", async || {
            let log = desk.world.log();
            log.contains("the CRM does not show these tickets")
        })
        .await;
    desk.world.pass(std::time::Duration::from_secs(601));
    desk.world
        .until("the ticket is taken for deleted", async || {
            let incidents = desk.world.items("incidents").await;
            incidents.iter().any(|one| !one["ticket"]["fate"].is_null())
        })
        .await;
    let incidents = desk.world.items("incidents").await;
    let other = incidents.iter().find(|one| one["key"] == "q1").unwrap();
    assert_eq!(other["state"], "open", "{other}");
}

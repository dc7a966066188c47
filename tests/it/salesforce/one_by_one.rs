//! Something in front of the org, or the org itself, refuses calls of the Composite resource and lets
//! single calls pass.

use ringdown::domain::failure::FailureScope;
use ringdown::simulator::{Fault, FaultKind, Trigger};
use serde_json::json;

use crate::salesforce::world::{World, change, fields, key};

fn answer(status: u16, body: &str, content_type: &str) -> FaultKind {
    FaultKind::Status {
        status,
        body: body.to_owned(),
        content_type: content_type.to_owned(),
    }
}

fn refused(world: &World, kind: FaultKind) {
    let fault = Fault::new(kind, Trigger::Always).on_path("/composite");
    world.simulator.salesforce().add_fault(fault);
}

fn asked_together(world: &World) -> usize {
    let requests = world.simulator.salesforce().requests();
    let together = |path: &str| path.ends_with("/composite");
    requests.iter().filter(|one| together(&one.path)).count()
}

#[tokio::test]
async fn a_ticket_is_commented_on_and_resolved_by_single_calls() {
    let page = "<html><h1>Request blocked</h1></html>";
    let own = |code: &str| json!([{"errorCode": code, "message": "no"}]).to_string();
    let answers = [
        answer(403, page, "text/html"),
        answer(404, page, "text/html"),
        answer(200, page, "text/html"),
        answer(404, &own("NOT_FOUND"), "application/json"),
        answer(403, &own("FUNCTIONALITY_NOT_ENABLED"), "application/json"),
        answer(403, &own("INSUFFICIENT_ACCESS"), "application/json"),
        FaultKind::Down,
    ];
    for kind in answers {
        let world = World::new().await;
        let client = world.client();
        let ticket = client.create(&key(), &fields()).await.unwrap();
        refused(&world, kind.clone());
        let resolution = change("ref 1", Some("Closed"));
        let resolved = client.resolve(&ticket.id, &resolution).await;
        let resolved = resolved.unwrap_or_else(|failure| panic!("{kind:?}: {failure}"));
        assert!(resolved.is_write, "{kind:?}");
        assert!(resolved.seen.unwrap().details.closed, "{kind:?}");
        let stored = &world.simulator.salesforce().tickets()[0];
        assert_eq!(stored["IsClosed"], true, "{kind:?}");
        assert_eq!(stored["CommentCount"], 1, "{kind:?}");
        // It is remembered.
        assert_eq!(asked_together(&world), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn an_update_that_may_have_had_an_effect_is_looked_up_and_says_nothing_about_new_tickets() {
    let world = World::new().await;
    let client = world.client();
    let ticket = client.create(&key(), &fields()).await.unwrap();
    refused(&world, answer(403, "<html>blocked</html>", "text/html"));
    let update = change("ref 1", Some("Working"));
    let failure = client.update(&ticket.id, &update).await.unwrap_err();
    assert!(failure.outcome_unknown);
    assert_eq!(failure.class.scope, FailureScope::Ticket, "{failure}");
    assert!(!client.has_comment(&ticket.id, "ref 1").await.unwrap());
    client.update(&ticket.id, &update).await.unwrap();
    let stored = &world.simulator.salesforce().tickets()[0];
    assert_eq!(stored["Status"], "Working");
    assert_eq!(stored["CommentCount"], 1);
}

#[tokio::test]
async fn where_single_calls_fail_too_the_whole_org_is_away() {
    let world = World::new().await;
    let client = world.client();
    let ticket = client.create(&key(), &fields()).await.unwrap();
    let org = world.simulator.salesforce();
    let page = answer(403, "<html>blocked</html>", "text/html");
    org.add_fault(Fault::new(page, Trigger::Always).on_path("/services/data/"));
    for result in [
        client
            .resolve(&ticket.id, &change("ref 1", Some("Closed")))
            .await,
        client
            .update(&ticket.id, &change("ref 2", Some("Working")))
            .await,
    ] {
        assert_eq!(result.unwrap_err().class.scope, FailureScope::Network);
    }
}

/// An answer to a call of several, with a part for each of these.
fn parts(parts: &[(u16, &str)]) -> FaultKind {
    let part = |(number, (status, code)): (usize, &(u16, &str))| {
        json!({"body": [{"errorCode": code, "message": "no"}], "httpHeaders": {},
            "httpStatusCode": status, "referenceId": format!("part{number}")})
    };
    let parts: Vec<_> = parts.iter().enumerate().map(part).collect();
    let body = json!({"compositeResponse": parts});
    answer(200, &body.to_string(), "application/json")
}

/// One call of several whose body contains `on_body` is answered with `kind`.
fn refused_once(world: &World, kind: FaultKind, on_body: &str) {
    let fault = Fault::new(kind, Trigger::Next { count: 1 }).on_path("/composite");
    let org = world.simulator.salesforce();
    org.add_fault(fault.on_body(on_body));
}

#[tokio::test]
async fn a_session_that_ends_between_the_parts_of_a_call_is_renewed_in_the_same_try() {
    const ENDED: (u16, &str) = (401, "INVALID_SESSION_ID");
    const UNDONE: (u16, &str) = (400, "PROCESSING_HALTED");
    // The read before, and the closing.
    for (part, answered) in [
        ("GET", vec![ENDED, ENDED]),
        ("PATCH", vec![UNDONE, ENDED, UNDONE]),
    ] {
        let world = World::new().await;
        let client = world.client();
        let ticket = client.create(&key(), &fields()).await.unwrap();
        refused_once(&world, parts(&answered), &format!("\"method\":\"{part}\""));
        let resolution = change("ref 1", Some("Closed"));
        let resolved = client.resolve(&ticket.id, &resolution).await;
        let resolved = resolved.unwrap_or_else(|failure| panic!("{part}: {failure}"));
        assert!(resolved.seen.unwrap().details.closed, "{part}");
        let stored = &world.simulator.salesforce().tickets()[0];
        assert_eq!(stored["CommentCount"], 1, "{part}");
        // Two for a resolution, and the one that is repeated.
        assert_eq!(asked_together(&world), 3, "{part}");
    }
}

#[tokio::test]
async fn a_session_that_no_renewal_heals_is_refused_as_in_a_single_call() {
    let world = World::new().await;
    let client = world.client();
    let ticket = client.create(&key(), &fields()).await.unwrap();
    refused(&world, parts(&[(401, "INVALID_SESSION_ID"); 2]));
    let resolution = change("ref 1", Some("Closed"));
    let failure = client.resolve(&ticket.id, &resolution).await.unwrap_err();
    assert_eq!(failure.class.scope, FailureScope::User, "{failure}");
    assert!(!failure.outcome_unknown);
}

#[tokio::test]
async fn a_call_of_several_that_is_refused_with_all_others_names_its_resource() {
    let world = World::new().await;
    let client = world.client();
    let ticket = client.create(&key(), &fields()).await.unwrap();
    let org = world.simulator.salesforce();
    let page = answer(403, "<html>blocked</html>", "text/html");
    org.add_fault(Fault::new(page, Trigger::Always).on_path("/services/data/"));
    let update = change("ref 1", None);
    let failure = client.update(&ticket.id, &update).await.unwrap_err();
    let said = failure.message;
    assert!(!said.contains("Composite"), "a single call: {said}");
    let mut update = change("ref 1", None);
    update.fields.insert("Priority".into(), "Low".into());
    let failure = client.update(&ticket.id, &update).await.unwrap_err();
    let said = failure.message;
    assert!(
        said.contains("the Composite resource (POST .../composite)"),
        "{said}"
    );
}

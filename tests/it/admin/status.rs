//! What is going on, in one answer.

use ringdown::domain::identity::IncidentId;
use ringdown::domain::incident::IncidentState;
use ringdown::store::DecisionBatch;
use serde_json::{Value, json};

use crate::admin::values::{ago, incident, kept, opened};
use crate::admin::world::{DEAD, OPEN, PENDING, VIEWER, World};

fn of_each(situation: &Value, field: &str) -> Vec<Value> {
    let incidents = situation["incidents"].as_array().unwrap();
    incidents.iter().map(|one| one[field].clone()).collect()
}

#[tokio::test]
async fn one_sentence_says_what_is_going_on() {
    let world = World::filled().await;
    let situation = world.get("/api/v1/status").await.json();
    assert_eq!(
        situation["sentence"],
        "3 queues in trouble, 1 ticketed, 1 without a ticket, 1 held back; \
         1 dead letter and 1 event that was not understood wait for a person"
    );
    assert_eq!(
        situation["counts"],
        json!({"ticketed": 1, "without_ticket": 1, "held_back": 1, "recovered": 0})
    );
    let calm = World::empty().await.get("/api/v1/status").await.json();
    assert_eq!(
        calm["sentence"],
        "All is well: nothing is in trouble, and nothing waits"
    );
}

#[tokio::test]
async fn incidents_have_names_readings_and_their_ticket_or_why_there_is_none() {
    let world = World::filled().await;
    let situation = world.get("/api/v1/status").await.json();
    assert_eq!(
        of_each(&situation, "id"),
        [json!(OPEN), json!(DEAD), json!(PENDING)],
        "the oldest first where all else is equal"
    );
    assert_eq!(of_each(&situation, "name"), vec![json!("Billing"); 3]);
    let [open, dead, pending] = [0, 1, 2].map(|at| &situation["incidents"][at]);
    assert_eq!(open["ticket"]["number"], "INC0012345");
    assert_eq!(open["no_ticket"], Value::Null);
    let reading = &open["readings"][0];
    assert_eq!(
        (&reading["latest"], &reading["worst"], &reading["threshold"]),
        (&json!(412.5), &json!(412.5), &json!(300.0))
    );
    let dead_letter = &situation["person"]["dead_letters"][0];
    let number = dead_letter["example"].as_str().unwrap();
    assert_eq!(
        dead["no_ticket"],
        format!("a person is needed: dead letter {number}")
    );
    assert_eq!(
        pending["no_ticket"],
        "it has not lasted long enough; its ticket is due now"
    );
}

#[tokio::test]
async fn the_worst_comes_first_and_an_outage_stands_for_its_members() {
    let world = World::filled().await;
    let id = |last: u32| format!("00000000-0000-7000-8000-0000000001{last:02}");
    let outage = IncidentId::new(id(0));
    let mut records = Vec::new();
    for last in 1..=3 {
        let mut member = incident(&id(last), "queue-wait", &format!("m-{last}"), ago(50));
        member.outage_id = Some(outage.clone());
        records.push(kept(member, "genesys", "servicenow"));
    }
    let mut whole = incident(&id(0), "outage:site", "Berlin", ago(40));
    opened(&mut whole);
    let mut critical = incident(&id(9), "queue-wait", "m-9", ago(30));
    critical.severity = "critical".to_owned();
    opened(&mut critical);
    let mut recovered = incident(&id(8), "queue-wait", "m-8", ago(3_000));
    recovered.severity = "critical".to_owned();
    recovered.state = IncidentState::Recovered;
    for one in [whole, critical, recovered] {
        records.push(kept(one, "genesys", "servicenow"));
    }
    world
        .keep(DecisionBatch {
            incidents: records,
            ..DecisionBatch::default()
        })
        .await;
    let situation = world.get("/api/v1/status").await.json();
    let (worst, outage, over) = (id(9), id(0), id(8));
    let expected = [&*worst, &*outage, OPEN, DEAD, PENDING, &*over].map(|id| json!(id));
    assert_eq!(of_each(&situation, "id"), expected);
    assert_eq!(situation["incidents"][1]["members"], 3);
    assert_eq!(situation["incidents"][1]["name"], "site Berlin");
    let sentence = situation["sentence"].as_str().unwrap();
    assert!(
        sentence.starts_with("1 outage and 4 queues in trouble"),
        "{sentence}"
    );
}

#[tokio::test]
async fn a_group_is_replayed_by_what_it_is_like() {
    let world = World::filled().await;
    let situation = world.get("/api/v1/status").await.json();
    let example = situation["person"]["dead_letters"][0]["example"]
        .as_str()
        .unwrap()
        .to_owned();
    let other = world
        .post("/api/v1/dead-letters/replay?like=999999", "")
        .await;
    assert_eq!(other.json()["replayed"], 0);
    let path = format!("/api/v1/dead-letters/replay?like={example}");
    assert_eq!(world.post(&path, "").await.json()["replayed"], 1);
    let wrong = world.post("/api/v1/dead-letters/replay?like=x", "").await;
    wrong.is_problem(400);
    let group = &situation["person"]["review"][0];
    assert_eq!(group["reason"], "/metrics/0/name: missing");
    let example = group["example"].as_str().unwrap();
    let path = format!("/api/v1/review?like={example}");
    assert_eq!(world.get(&path).await.of_items("event_id"), ["e-4"]);
}

/// Queues with names of their own and keys that nobody knows, the newest the worst.
async fn fill_with_queues(world: &World, count: u32) {
    let queue = |number: u32| {
        let id = format!("00000000-0000-7000-8000-0000001{number:05}");
        let key = format!("7b0f0000-0000-4000-8000-0000001{number:05}");
        let mut one = incident(&id, "queue-wait", &key, ago(i64::from(5_000 - number)));
        opened(&mut one);
        one.excess = 2.0 + f64::from(number) / 1_000.0;
        let mut record = kept(one, "genesys", "servicenow");
        record.context =
            json!({"queue_id": key, "queue_name": format!("Queue {number:03}")}).to_string();
        record
    };
    let incidents = (0..count).map(queue).collect();
    world
        .keep(DecisionBatch {
            incidents,
            ..DecisionBatch::default()
        })
        .await;
}

#[tokio::test]
async fn the_worst_of_very_many_comes_first_wherever_it_is_asked() {
    let world = World::empty().await;
    fill_with_queues(&world, 420).await;
    let worst = "Queue 419";
    let situation = world.get("/api/v1/status").await.json();
    assert_eq!(situation["incidents"][0]["name"], worst);
    let mut names: Vec<String> = Vec::new();
    let mut path = "/api/v1/incidents?sort=worst&limit=50".to_owned();
    loop {
        let page = world.get(&path).await;
        names.extend(page.of_items("name"));
        match page.json()["next"].as_str() {
            Some(next) => path = format!("/api/v1/incidents?sort=worst&limit=50&cursor={next}"),
            None => break,
        }
    }
    let expected: Vec<String> = (0..420)
        .rev()
        .map(|one| format!("Queue {one:03}"))
        .collect();
    assert_eq!(names, expected);
    let filtered = world.get("/api/v1/incidents?sort=worst&limit=1&state=open&rule=queue-wait");
    assert_eq!(filtered.await.of_items("name"), [worst]);
    let cookie = world.sign_in(VIEWER).await;
    let page = world.page(&cookie, "/ui/").await.text;
    let first = page.find("Queue ").unwrap();
    assert!(page[first..].starts_with(worst), "{page}");
}

#[tokio::test]
async fn a_name_finds_its_incident_among_very_many_whatever_its_key_is() {
    let world = World::empty().await;
    fill_with_queues(&world, 420).await;
    let outage = "00000000-0000-7000-8000-000000200000";
    let member = "00000000-0000-7000-8000-000000200001";
    let mut whole = incident(outage, "outage:site", "Berlin", ago(40));
    opened(&mut whole);
    let mut one = incident(member, "queue-wait", "9c1d0000", ago(50));
    one.outage_id = Some(IncidentId::new(outage));
    let mut record = kept(one, "genesys", "servicenow");
    record.context = json!({"queue_id": "9c1d0000", "queue_name": "Berlin_007 Ärzte"}).to_string();
    let incidents = vec![kept(whole, "genesys", "servicenow"), record];
    world
        .keep(DecisionBatch {
            incidents,
            ..DecisionBatch::default()
        })
        .await;
    for (asked, id) in [
        ("Queue%20000", "00000000-0000-7000-8000-000000100000"),
        ("queue%20000", "00000000-0000-7000-8000-000000100000"),
        ("BERLIN_007%20%C3%84RZTE", member),
        ("site%20berlin", outage),
    ] {
        let story = world.get(&format!("/api/v1/why?q={asked}")).await.json();
        assert_eq!(story["incident"]["id"], id, "{asked}: {story:#}");
        let shown = world
            .get(&format!("/api/v1/incidents/{asked}"))
            .await
            .json();
        assert_eq!(shown["id"], id, "{asked}: {shown:#}");
    }
    let cookie = world.sign_in(VIEWER).await;
    let page = world
        .page(&cookie, &format!("/ui/incidents/{member}"))
        .await
        .text;
    let link = format!("Part of the <a href=\"/ui/incidents/{outage}\">outage site Berlin</a>");
    assert!(page.contains(&link), "{page}");
    let story = world.get("/api/v1/why?q=berlin_0").await.json();
    assert_eq!(
        story["incident"]["id"], member,
        "by its beginning: {story:#}"
    );
    let several = world.get("/api/v1/why?q=queue%20").await.json();
    assert_eq!(several["found"], "several");
}

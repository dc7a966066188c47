//! Where a ticket goes by expression, end to end.

use serde_json::{Value, json};

use crate::support::crm::servicenow;
use crate::support::world::World;

fn settings(world: &World) -> String {
    format!(
        r#"
[sources.feed]
format = "custom"
auth = [{{ type = "bearer", secret = {{ env = "WEBHOOK_TOKEN" }} }}]
[sources.feed.map]
event_id = "/id"
queue_id = "/queue"
queue_name = "/queue"
division = "/division"
labels = {{ site = "/site" }}
metrics = {{ "queue.waitTime" = {{ avg = "/wait", unit = "s" }} }}
[rules.by-place]
events = ["custom"]
sources = ["feed"]
when = "metrics[queue.waitTime].avg > 300"
key = "{{{{ queue_id }}}}"
targets = [
  {{ when = "division == 'EMEA'", to = ["servicenow", "salesforce"] }},
  {{ when = "labels.site == 'FRA'", to = ["servicenow"] }},
  "salesforce",
]
[targets.salesforce.create]
Description = "{{{{ queue_name }}}}"
{}
[targets.servicenow.create]
short_description = "{{{{ queue_name }}}}"
"#,
        servicenow(&world.simulator)
    )
}

async fn send(world: &World, event: &Value) {
    let url = format!("{}/webhooks/feed", world.public);
    let request = world
        .client
        .post(url)
        .bearer_auth(crate::support::world::TOKEN);
    let answer = request.json(event).send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
}

#[tokio::test]
async fn a_ticket_goes_where_its_division_or_label_leads_and_otherwise_to_the_fallback() {
    let mut world = World::unstarted("").await;
    let more = settings(&world);
    std::fs::write(world.folder.path().join("more.toml"), more).unwrap();
    world.start().await;
    let emea = json!({"id": "1", "queue": "emea", "wait": 400, "division": "EMEA"});
    send(&world, &emea).await;
    send(
        &world,
        &json!({"id": "2", "queue": "frankfurt", "wait": 400, "site": "FRA"}),
    )
    .await;
    send(
        &world,
        &json!({"id": "3", "queue": "elsewhere", "wait": 400, "site": "SFO"}),
    )
    .await;
    world.tickets(1).await;
    world.all_delivered().await;
    let named = |tickets: Vec<Value>, field: &str| {
        let mut names: Vec<String> = tickets
            .iter()
            .map(|one| one[field].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    let servicenow = world.simulator.servicenow().tickets();
    assert_eq!(
        named(servicenow, "short_description"),
        ["emea", "frankfurt"]
    );
    let salesforce = world.simulator.salesforce().tickets();
    assert_eq!(named(salesforce, "Description"), ["elsewhere"]);

    let file = world.folder.path().join("event.json");
    std::fs::write(&file, emea.to_string()).unwrap();
    let explain = ["explain", "event.json", "--source", "feed"];
    let told = world.command(&explain).output().unwrap();
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let route = "servicenow, salesforce: the first that can be reached (division == 'EMEA' holds)";
    assert!(told.contains(route), "{told}");
}

#[tokio::test]
async fn rules_routes_and_outages_see_the_source_and_the_time_of_an_event() {
    let mut world = World::unstarted("").await;
    let more = settings(&world)
        .replace("metrics[queue.waitTime].avg > 300", "source == 'feed' && metrics[queue.waitTime].avg > 300")
        .replace("division == 'EMEA'", "source == 'feed' && timestamp.getFullYear() > 2020")
        .replace(
            "key = \"",
            "clear = \"source == 'feed' && timestamp.getFullYear() > 2020 && metrics[queue.waitTime].avg < 200\"\n\
             clear_for = \"0s\"\nseverity = { critical = \"source == 'feed'\", default = \"low\" }\nkey = \"",
        );
    let outage = r#"
[outages.feed]
group_by = "all"
rules = ["by-place"]
at_least = 2
within = "1m"
hold = "1s"
targets = [{ when = "source == 'feed'", to = ["servicenow"] }, "salesforce"]
"#;
    std::fs::write(world.folder.path().join("more.toml"), more + outage).unwrap();
    world.start().await;
    send(&world, &json!({"id": "1", "queue": "one", "wait": 400})).await;
    let servicenow = world.simulator.servicenow();
    world
        .until("the first has its ticket", async || {
            servicenow.tickets().len() == 1
        })
        .await;
    let incident = world.items("incidents?key=one").await.remove(0);
    assert_eq!(incident["severity"], "critical");
    send(&world, &json!({"id": "2", "queue": "two", "wait": 400})).await;
    world
        .until("the outage has its ticket", async || {
            servicenow.tickets().len() == 2
        })
        .await;
    assert!(world.simulator.salesforce().tickets().is_empty());
    for (id, queue) in [("3", "one"), ("4", "two")] {
        send(&world, &json!({"id": id, "queue": queue, "wait": 100})).await;
    }
    world
        .until("both have cleared", async || {
            world.items("incidents?state=closed").await.len() == 3
        })
        .await;
}

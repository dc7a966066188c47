//! Something lets new tickets pass and stops every change of one: each replica knows it.

use std::time::Duration;

use ringdown::simulator::{Fault, FaultKind, Trigger};

use crate::replicas::cluster::{CLIENT_CREDENTIALS, Cluster};
use crate::replicas::storm::{event, post};

const SERVICENOW: &str = r#"
[rules.queue-wait]
targets = ["servicenow"]
[targets.servicenow]
kind = "servicenow"
base_url = "{servicenow}"
timeout = "5s"
[targets.servicenow.auth]
flow = "client_credentials"
client_id = "ringdown"
client_secret = { env = "CRM_SECRET" }
[targets.servicenow.limit]
per_second = 100
concurrent = 4
[targets.servicenow.create]
short_description = "{{ queue_name }} waits too long"
[targets.servicenow.resolve]
state = "6"
close_code = "Resolved by caller"
close_notes = "Recovered."
"#;

/// A new ticket comes within this time, on a slow machine too.
const SOON: Duration = Duration::from_secs(10);

async fn send(cluster: &Cluster, number: usize, average: f64) {
    let public = &cluster.replicas[number % cluster.replicas.len()].public;
    let mut event = event(&format!("evt-{number}-{average}"), &format!("q{number}"));
    event["metrics"][0]["avg"] = average.into();
    assert!(post(cluster, public, &event).await);
}

async fn until_opened(cluster: &Cluster, count: usize) {
    let opened = async || cluster.simulator.servicenow().tickets().len() == count;
    let what = format!("there are {count} tickets");
    cluster.within(SOON, &what, opened).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_replica_holds_new_tickets_for_what_stops_changes_nor_the_one_that_is_left() {
    let configured = Cluster::configured(2, CLIENT_CREDENTIALS, SERVICENOW).await;
    let Some(mut cluster) = configured else {
        return;
    };
    for number in 0..6 {
        send(&cluster, number, 400.0).await;
    }
    until_opened(&cluster, 6).await;
    let page = FaultKind::Status {
        status: 403,
        body: "<html>Request blocked</html>".into(),
        content_type: "text/html".into(),
    };
    let page = Fault::new(page, Trigger::Always).on_method("PATCH");
    cluster.simulator.servicenow().add_fault(page);
    for number in 0..6 {
        send(&cluster, number, 100.0).await;
    }
    let is_met = async || {
        let logs = cluster.replicas.iter().map(|one| one.log());
        logs.into_iter()
            .any(|log| log.contains("the target accepts no tickets"))
    };
    cluster.until("the obstacle is met", is_met).await;
    for number in 6..14 {
        send(&cluster, number, 400.0).await;
        until_opened(&cluster, number + 1).await;
    }
    let says_why = async || {
        let deliveries = cluster.items("deliveries").await;
        let waits = "until servicenow accepts a resolve again";
        deliveries.iter().any(|one| one["waits_for"] == waits)
    };
    cluster.until("the lists say what waits", says_why).await;
    cluster.replicas[0].kill();
    cluster.replicas[0].start();
    cluster.ready(0).await;
    for number in 14..18 {
        send(&cluster, number, 400.0).await;
        until_opened(&cluster, number + 1).await;
    }
    cluster.simulator.servicenow().clear_faults();
    let resolved = async || {
        let tickets = cluster.simulator.servicenow().tickets();
        tickets.iter().filter(|one| one["state"] == "6").count() == 6
    };
    cluster.until("the recovered are resolved", resolved).await;
    let delivered = async || cluster.is_delivered().await;
    cluster.until("everything is delivered", delivered).await;
    cluster.end().await;
}

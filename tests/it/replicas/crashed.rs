//! The database itself crashes. Deciding commits without a sync, so its last transactions are
//! undone; the events are not, and no ticket left on the strength of what is undone.

use std::sync::Arc;

use crate::replicas::cluster::{CLIENT_CREDENTIALS, Cluster};
use crate::replicas::server::Server;
use crate::replicas::storm::Storm;

const CRASHES: u64 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_crashes_undoes_decisions_and_they_are_made_again_without_a_second_ticket() {
    let Some(server) = Server::start() else {
        return;
    };
    let server = Arc::new(server);
    let mut cluster = Cluster::on(&server.url(), 2, CLIENT_CREDENTIALS, "").await;
    cluster.begin().await;
    let mut storm = Storm::default();
    let mut undone = 0;
    for round in 1..=CRASHES {
        let queues = 10 * round;
        // In the middle of opening tickets for queues that are new.
        let (_, ()) = tokio::join!(
            async {
                cluster
                    .until("a ticket is opened", async || {
                        let tickets = cluster.simulator.salesforce().tickets().len() as u64;
                        tickets > queues - 10
                    })
                    .await;
                crash(&server).await;
            },
            storm.blow(&cluster, 60, queues)
        );
        cluster.all_is_well(&storm.sent).await;
        // Right after deciding on queues that have their ticket: nothing is sent, so nothing
        // has made the decisions durable.
        storm.blow(&cluster, queues, queues).await;
        cluster
            .until("all is decided", async || {
                let (last, decided) = cluster.database.decided().await;
                last == decided
            })
            .await;
        cluster.replicas.iter().for_each(|replica| replica.pause());
        let (_, before) = cluster.database.decided().await;
        crash(&server).await;
        let (last, after) = cluster.database.decided().await;
        assert!(last >= before, "no event is lost");
        undone += u64::from(after < before);
        cluster.replicas.iter().for_each(|replica| replica.go_on());
        cluster.all_is_well(&storm.sent).await;
    }
    assert!(undone > 0, "no crash undid a decision: nothing was tested");
    println!("{undone} of {CRASHES} crashes undid decisions");
    cluster.end().await;
}

/// The server crashes, and comes back.
async fn crash(server: &Arc<Server>) {
    let server = Arc::clone(server);
    let crash = move || {
        server.crash();
        server.start_again();
    };
    tokio::task::spawn_blocking(crash).await.unwrap();
}

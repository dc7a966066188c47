//! Refresh tokens that the CRM replaces at every use, shared by replicas.

use crate::replicas::cluster::{Cluster, REFRESH_TOKEN};
use crate::replicas::storm::Storm;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_do_not_use_up_each_others_refresh_tokens() {
    let Some(mut cluster) = Cluster::logging_in(3, REFRESH_TOKEN).await else {
        return;
    };
    let short = |switches: &mut ringdown::simulator::salesforce::Switches| {
        switches.rotate_refresh_token = true;
        switches.session_seconds = 1;
    };
    cluster.simulator.salesforce().crm().configure(short);
    let mut storm = Storm::default();
    for round in 1..=6 {
        storm.blow(&cluster, 60, 60 * round).await;
        cluster.all_is_well(&storm.sent).await;
    }
    cluster.replicas[0].kill();
    cluster.replicas[0].start();
    cluster.ready(0).await;
    storm.blow(&cluster, 60, 480).await;
    cluster.all_is_well(&storm.sent).await;
    let calls = cluster.simulator.salesforce().token_calls();
    assert!(calls > 6, "{calls} token calls");
    for replica in &cluster.replicas {
        let log = replica.log();
        assert!(!log.contains("refuses to log us in"), "{log}");
    }
    cluster.end().await;
}

const RIGHT_PASSWORD: &str =
    "flow = \"password\"\nusername = \"ringdown\"\npassword = \"simulator-password\"\n";

#[cfg(feature = "fault-points")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_with_a_wrong_password_does_not_keep_one_with_the_right_one_waiting_for_ever() {
    let Some(mut cluster) = Cluster::logging_in(2, WRONG_PASSWORD).await else {
        return;
    };
    let mut storm = Storm::default();
    storm.blow(&cluster, 1, 1).await;
    cluster
        .until("the target is held", async || {
            cluster.database.health_keeper().await.is_some()
        })
        .await;
    let owner = cluster.database.health_keeper().await.unwrap();
    let other = 1 - cluster.number_of(&owner);
    cluster.log_in_with(RIGHT_PASSWORD);
    cluster.replicas[other].kill();
    cluster.replicas[other].start();
    cluster.ready(other).await;
    // The wait of the one that was refused is over.
    cluster.set_clocks_off_by(125_000);
    let patience = std::time::Duration::from_secs(60);
    cluster
        .within(patience, "the ticket is there", async || {
            cluster.simulator.salesforce().tickets().len() == 1
        })
        .await;
}

const WRONG_PASSWORD: &str =
    "flow = \"password\"\nusername = \"ringdown\"\npassword = \"not-the-password\"\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_do_not_lock_a_user_by_sending_a_refused_password_each() {
    let Some(cluster) = Cluster::logging_in(3, WRONG_PASSWORD).await else {
        return;
    };
    let mut storm = Storm::default();
    storm.blow(&cluster, 1, 1).await;
    cluster
        .until("the password was refused", async || {
            cluster.simulator.salesforce().token_calls() > 0
        })
        .await;
    // Until the others have read that the target is held, each of them may claim the delivery once.
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    let calls = cluster.simulator.salesforce().token_calls();
    assert!(calls <= 3, "{calls} logins");
}

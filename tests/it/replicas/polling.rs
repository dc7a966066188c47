//! Replicas share one poll of each target.

use crate::replicas::cluster::{CLIENT_CREDENTIALS, Cluster};
use crate::replicas::storm::Storm;

/// Polls that are watched.
const WATCHED: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_replicas_ask_a_target_no_more_often_than_one() {
    let every_second = "[targets.salesforce.sync]\npoll_every = \"1s\"\n";
    let configured = Cluster::configured(3, CLIENT_CREDENTIALS, every_second);
    let Some(cluster) = configured.await else {
        return;
    };
    let mut storm = Storm::default();
    storm.blow(&cluster, 3, 3).await;
    cluster.all_is_well(&storm.sent).await;
    // A poll asks for changes in their order; a look at known tickets asks by their ids.
    let polls = || -> Vec<i64> {
        let requests = cluster.simulator.salesforce().requests();
        let polls = requests
            .iter()
            .filter(|one| one.path.ends_with("/queryAll") && one.query.contains("ORDER"));
        polls.map(|one| one.at_ms).collect()
    };
    let before = polls().len();
    let watched = async || polls().len() >= before + WATCHED;
    cluster.until("the target was polled", watched).await;
    let seen = &polls()[before..before + WATCHED];
    // Four turns of a second each. Three replicas that each asked would be done in less than two.
    let took = seen[WATCHED - 1] - seen[0];
    assert!(took >= 3000, "{WATCHED} polls took {took} ms only");
    cluster.end().await;
}

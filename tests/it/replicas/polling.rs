//! Replicas share one poll of each target, and one of Genesys Cloud.

use crate::daemon::polling::{Platform, settings};
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_replicas_asks_how_genesys_cloud_stands() {
    const EDGES: &str = "/api/v2/telephony/providers/edges";
    let platform = Platform::default();
    let address = platform.start().await;
    let polling = "poll_every = \"1s\"\npoll_after_gap = \"2s\"\npoll_calls_per_minute = 300";
    let polling = settings(&address, polling, "");
    let configured = Cluster::configured(2, CLIENT_CREDENTIALS, &polling);
    let Some(cluster) = configured.await else {
        return;
    };
    let watched = async || platform.calls_of(EDGES) >= 2 + WATCHED;
    cluster.until("the Edges were polled", watched).await;
    // Each replica logs in for the names, and one more time who polls.
    assert_eq!(platform.calls_of("/oauth/token"), 3);
    cluster.end().await;
}

//! Genesys, the daemon and the CRM an hour apart: nothing is lost, and no ticket comes twice.

use ringdown::clock::Clock;
use ringdown::domain::time::Timestamp;

use crate::support::crm::At;
use crate::sync::desk::{Desk, OFTEN};

const HOUR_MS: i64 = 3_600_000;

#[tokio::test]
async fn an_hour_between_genesys_us_and_the_crm_loses_nothing_and_doubles_nothing() {
    for at in At::BOTH {
        for clocks in [(HOUR_MS, -HOUR_MS), (-HOUR_MS, HOUR_MS)] {
            let desk = Desk::with_clocks(at, OFTEN, clocks).await;
            let opened_at = desk.incident().await["opened_at"].clone();
            let opened_at: Timestamp = opened_at.as_str().unwrap().parse().unwrap();
            let ahead = opened_at.as_millis() - Clock::System.now().as_millis();
            assert!(
                (clocks.0 - ahead).abs() < HOUR_MS / 2,
                "{clocks:?}: {ahead}"
            );
            desk.breach("evt-2").await;
            let heard = async || desk.incident().await["occurrences"] == 2;
            desk.world.until("the second breach counts", heard).await;
            assert_eq!(desk.tickets().len(), 1, "{at:?} {clocks:?}");
            // Once it was seen, only what is newer is asked for.
            desk.seen().await;
            // What a person does is found, whatever the clock says of when it was done.
            desk.close();
            desk.closed().await;
            desk.breach("evt-3").await;
            let two = async || desk.tickets().len() == 2;
            desk.world
                .until("a lasting breach opens one more", two)
                .await;
            desk.world.all_delivered().await;
            // A recovery is no older than the breach, and resolves.
            desk.reading("evt-4", 100.0).await;
            let over = async || desk.world.items("incidents?state=closed").await.len() == 2;
            desk.world.until("the second is over", over).await;
            desk.world.all_delivered().await;
            assert_eq!(desk.tickets().len(), 2, "{at:?} {clocks:?}");
            for place in ["review", "dead-letters"] {
                assert!(desk.world.items(place).await.is_empty(), "{place}");
            }
        }
    }
}

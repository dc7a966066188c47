//! Deaths at every named place and at random moments, a few for every change, and as many as
//! are asked for in a soak.

use rand::RngExt;

use crate::campaign::Campaign;
use crate::lives::{End, POINTS};

/// Kills between two lines of a soak about how it goes.
const LINE_EVERY: u64 = 50;

/// The seed of the run: `RINGDOWN_SOAK_SEED`, or another one each time.
fn seed() -> u64 {
    let given = std::env::var("RINGDOWN_SOAK_SEED").ok();
    let seed = given.map_or_else(rand::random, |seed| seed.parse().unwrap());
    println!("RINGDOWN_SOAK_SEED={seed}");
    seed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_death_at_any_named_place_loses_nothing_and_doubles_nothing() {
    let mut campaign = Campaign::new(seed()).await;
    for (name, most) in POINTS {
        campaign.live(End::At(name, most)).await;
    }
    campaign.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_death_at_any_moment_loses_nothing_and_doubles_nothing() {
    let mut campaign = Campaign::new(seed()).await;
    for _ in 0..20 {
        let end = campaign.random_end();
        campaign.live(end).await;
    }
    campaign.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deaths_while_the_crms_are_in_conditions_leave_every_incident_its_ticket() {
    let mut campaign = Campaign::in_conditions(seed()).await;
    for _ in 0..20 {
        let end = campaign.random_end();
        campaign.live(end).await;
    }
    campaign.end().await;
}

/// `RINGDOWN_SOAK_KILLS=1000 cargo test --features fault-points --test faults -- --ignored
/// --nocapture`: half of the deaths are at named places, and now and then a CRM is in a condition.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn a_thousand_deaths_lose_nothing_and_double_nothing() {
    let kills = std::env::var("RINGDOWN_SOAK_KILLS").map_or(1000, |kills| kills.parse().unwrap());
    let mut campaign = Campaign::in_conditions(seed()).await;
    for kill in 1..=kills {
        let end = if campaign.dice.random() {
            campaign.random_point()
        } else {
            campaign.random_end()
        };
        campaign.live(end).await;
        if kill % LINE_EVERY == 0 {
            campaign.end().await;
            campaign.world.daemon.kill();
        }
    }
    campaign.end().await;
}

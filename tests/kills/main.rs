//! The real binary, killed again and again in the middle of its work: at random moments and at
//! every named step. Afterwards every acknowledged event is accounted for, and every breached
//! queue has exactly one ticket.
//!
//! `RINGDOWN_SOAK_KILLS=1000` makes it a soak (see `tests/soak`), `RINGDOWN_SOAK_SEED` plays
//! the same moments again.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on has failed; the soak reports as it goes"
)]

mod accounts;
mod feed;
#[path = "../ports/mod.rs"]
mod ports;
#[path = "../daemon/world.rs"]
#[allow(dead_code, reason = "shared with another test program")]
mod world;

use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng, rngs::SmallRng};

use feed::Feed;
use world::World;

/// Where the process is let die, besides random moments.
const POINTS: [&str; 6] = [
    "journal-committed",
    "decisions-written",
    "decisions-committed",
    "before-send",
    "before-settle",
    "",
];
/// Kills in a run that is no soak.
const FEW: u32 = 24;
/// Longest wait for a fault point; a round that does not come to it ends with a kill.
const ROUND: Duration = Duration::from_secs(3);

fn from_environment<N: std::str::FromStr>(name: &str) -> Option<N> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::test]
async fn whatever_moment_it_is_killed_at_nothing_is_lost_and_nothing_doubled() {
    let kills: u32 = from_environment("RINGDOWN_SOAK_KILLS").unwrap_or(FEW);
    let seed: u64 = from_environment("RINGDOWN_SOAK_SEED").unwrap_or_else(rand::random);
    eprintln!("RINGDOWN_SOAK_SEED={seed}");
    let mut dice = SmallRng::seed_from_u64(seed);
    let mut world = World::unstarted("").await;
    let mut feed = Feed::default();
    let began = Instant::now();
    let mut died_at_points = 0;
    for kill in 1..=kills {
        let point = POINTS[kill as usize % POINTS.len()];
        died_at_points += u32::from(round(&mut world, &mut feed, point, &mut dice).await);
        if kill % 50 == 0 {
            eprintln!("{kill} kills, {died_at_points} of them at named points, {feed}");
        }
    }
    world.start().await;
    feed.send_the_rest(&world).await;
    let accounts = accounts::settle(&mut world, &feed).await;
    eprintln!(
        "{kills} kills, {died_at_points} of them at named points, {feed}, {accounts}, {} s",
        began.elapsed().as_secs()
    );
    accounts.hold();
    let named = kills - kills / u32::try_from(POINTS.len()).unwrap() - 1;
    assert!(
        died_at_points * 2 > named,
        "only {died_at_points} of {named} rounds came to their point"
    );
}

/// One life of the process: it is started, fed, and dies. Answers whether it died at `point`.
async fn round(world: &mut World, feed: &mut Feed, point: &str, dice: &mut SmallRng) -> bool {
    let time = dice.random_range(1..=3);
    world.spawn(&format!("{point}:{time}"));
    let moment = Duration::from_millis(dice.random_range(100..900));
    let end = Instant::now() + if point.is_empty() { moment } else { ROUND };
    feed.open_queues();
    while Instant::now() < end && !world.is_dead() {
        feed.send_some(world).await;
    }
    let died = world.is_dead();
    world.kill();
    died
}

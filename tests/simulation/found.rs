//! What the simulation has found about clocks that are set, each as a world of its own.

use std::time::Duration;

use ringdown::domain::time::Timestamp;

use crate::ground::{self, Ground};
use crate::readings::Reading;
use crate::world::World;

const HOUR: Duration = Duration::from_secs(3600);

/// A world in which nothing goes wrong and every breach opens a ticket at once, and its target
/// that takes any number of tickets for one incident.
struct Calm {
    world: World,
    lenient: usize,
    _folder: tempfile::TempDir,
}

async fn calm(ground: &Ground) -> Calm {
    let folder = ground::folder();
    let path = folder.path().join("calm.db");
    let mut settings = ground.settings(&mut crate::dice::Dice::new(0));
    for rule in &mut settings.rules {
        rule.hold_for = Duration::ZERO;
    }
    let world = World::with_settings(0, ground, path, settings).await;
    for target in &world.targets {
        target.crm.recover();
    }
    let lenient = world
        .targets
        .iter()
        .position(|target| target.name == "lenient")
        .unwrap();
    Calm {
        world,
        lenient,
        _folder: folder,
    }
}

fn run(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future);
}

/// A create is under way.
async fn with_a_create_under_way(calm: &mut Calm) {
    let now: Timestamp = calm.world.clock.now();
    calm.world
        .receive(vec![Reading::breach("breach", now)])
        .await;
    calm.world.decide().await.unwrap();
    calm.world.work(calm.lenient).await.unwrap();
    assert_eq!(calm.world.targets[calm.lenient].crm.under_way(), 1);
}

#[test]
fn a_clock_set_forward_sends_nothing_twice_that_is_being_sent() {
    let ground = Ground::get();
    run(async {
        let mut calm = calm(ground).await;
        with_a_create_under_way(&mut calm).await;
        calm.world.set_clock(true, HOUR);
        calm.world.work(calm.lenient).await.unwrap();
        assert_eq!(calm.world.targets[calm.lenient].crm.under_way(), 1);
    });
}

#[test]
fn a_clock_set_back_does_not_keep_the_next_process_from_what_the_last_was_sending() {
    let ground = Ground::get();
    run(async {
        let mut calm = calm(ground).await;
        with_a_create_under_way(&mut calm).await;
        calm.world.set_clock(false, HOUR);
        calm.world.crash("crash: idle").await.unwrap();
        calm.world.work(calm.lenient).await.unwrap();
        assert_eq!(calm.world.targets[calm.lenient].crm.under_way(), 1);
    });
}

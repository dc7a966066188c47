//! What the simulation has found about time, each as a world of its own.

use std::time::Duration;

use ringdown::domain::allowance::Shortage;
use ringdown::domain::doubt::RunTimes;
use ringdown::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use ringdown::domain::flood::FloodPolicy;
use ringdown::domain::identity::TargetName;
use ringdown::domain::time::Timestamp;
use ringdown::store::{ChangedBy, Claim, DeliveryResult};

use crate::simulation::ground::{self, Ground};
use crate::simulation::readings::Reading;
use crate::simulation::world::World;

const HOUR: Duration = Duration::from_secs(3600);

/// A world in which nothing goes wrong and every breach opens a ticket at once, and its target
/// that takes any number of tickets for one incident.
struct Calm {
    world: World,
    lenient: usize,
    _folder: tempfile::TempDir,
}

async fn calm(ground: &Ground) -> Calm {
    calm_with(ground, Duration::ZERO).await
}

/// The same, where a breach must last for `hold_for`.
async fn calm_with(ground: &Ground, hold_for: Duration) -> Calm {
    let folder = ground::folder();
    let path = folder.path().join("calm.db");
    let mut settings = ground.settings(&mut crate::simulation::dice::Dice::new(0));
    settings.outages.clear();
    for source in settings.sources.values_mut() {
        source.max_new_incidents = FloodPolicy::default();
    }
    for rule in &mut settings.rules {
        rule.hold_for = hold_for;
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
        calm.world.crash("crash: at any time").await.unwrap();
        calm.world.work(calm.lenient).await.unwrap();
        assert_eq!(calm.world.targets[calm.lenient].crm.under_way(), 1);
    });
}

/// Gives the create of `world` up, in doubt; answers its id.
async fn give_up_in_doubt(world: &World, settle_after: Duration) -> i64 {
    let now = world.clock.now();
    let claim = Claim {
        target: &TargetName::new("lenient"),
        owner: "test",
        limit: 1,
        after_lane: "",
        operations: &ringdown::domain::ticket::Operation::ALL,
        shortage: Shortage::None,
        runs_for: RunTimes::default(),
    };
    let claimed = world.store.claim(claim, now, HOUR).await;
    let create = claimed.unwrap().remove(0);
    let mut failure = Failure::new(
        FailureKind::NetworkFailure,
        class(FailureScope::Network, ResolvedBy::Time),
        "no answer",
    );
    failure.settle_after = settle_after;
    let failure = failure.in_doubt();
    let at = now;
    let dead = DeliveryResult::DeadLettered { at, failure };
    assert!(
        world
            .store
            .record_result(&create, "test", &dead, now)
            .await
            .unwrap()
    );
    create.id
}

async fn next_attempt(world: &World) -> Timestamp {
    world
        .store
        .next_delivery_at(
            &TargetName::new("lenient"),
            &ringdown::domain::ticket::Operation::ALL,
        )
        .await
        .unwrap()
        .unwrap()
}

#[test]
fn a_dead_letter_in_doubt_is_not_looked_up_before_it_can_be_found() {
    let ground = Ground::get();
    run(async {
        let mut calm = calm(ground).await;
        let now = calm.world.clock.now();
        let breach = Reading::breach("breach", now);
        calm.world.receive(vec![breach]).await;
        calm.world.decide().await.unwrap();
        let settled = now.plus(HOUR);
        give_up_in_doubt(&calm.world, HOUR).await;
        let store = &calm.world.store;
        assert_eq!(
            store
                .resume_dead(&TargetName::new("lenient"), now)
                .await
                .unwrap(),
            1
        );
        assert_eq!(next_attempt(&calm.world).await, settled);

        calm.world.clock.advance(HOUR);
        let id = give_up_in_doubt(&calm.world, HOUR).await.to_string();
        let by = ChangedBy {
            actor: "operator",
            at: settled,
        };
        calm.world
            .store
            .replay_dead_letter(&id, false, by)
            .await
            .unwrap();
        assert_eq!(next_attempt(&calm.world).await, settled.plus(HOUR));
    });
}

#[test]
fn a_dead_letter_of_a_clock_that_was_ahead_waits_no_longer_than_any_other() {
    let ground = Ground::get();
    run(async {
        let mut calm = calm(ground).await;
        let breach = Reading::breach("breach", calm.world.clock.now());
        calm.world.receive(vec![breach]).await;
        calm.world.decide().await.unwrap();
        calm.world.set_clock(true, HOUR * 24);
        let id = give_up_in_doubt(&calm.world, Duration::from_secs(60)).await;
        calm.world.set_clock(false, HOUR * 24);
        calm.world.work(calm.lenient).await.unwrap();
        let now = calm.world.clock.now();
        let (store, target) = (&calm.world.store, TargetName::new("lenient"));
        let soon = now.plus(HOUR + Duration::from_secs(601));
        assert!(store.has_dead_due(&target, soon).await.unwrap());
        let by = ChangedBy {
            actor: "operator",
            at: now,
        };
        let id = id.to_string();
        store.replay_dead_letter(&id, false, by).await.unwrap();
        assert!(next_attempt(&calm.world).await <= now.plus(Duration::from_secs(600)));
    });
}

#[test]
fn an_incident_that_opens_when_another_part_clears_tells_when_it_opened() {
    let ground = Ground::get();
    run(async {
        let mut calm = calm_with(ground, Duration::from_secs(30)).await;
        let world = &mut calm.world;
        let began = world.clock.now();
        world.receive(vec![Reading::breach("breach", began)]).await;
        world.decide().await.unwrap();
        world.clock.advance(Duration::from_secs(60));
        let now = world.clock.now();
        let clear = Reading::clear_of_another_part("clear", now);
        world.receive(vec![clear]).await;
        world.decide().await.unwrap();
        world.look().await.unwrap();
        let creates = world.now.deliveries.iter();
        let creates = creates.filter(|delivery| delivery.operation == "create");
        assert_eq!(creates.count(), 3, "one for each rule");
        let opened: Vec<i64> = world.now.opened.values().copied().collect();
        assert_eq!(opened, [now.as_millis(); 3]);
    });
}

/// Three rules wait for their tickets on one queue of a source that may open one in a minute;
/// then comes `next`. Answers how many are held.
async fn held_once_due(ground: &Ground, next: fn(Timestamp) -> Reading) -> usize {
    let folder = ground::folder();
    let mut settings = ground.plain_settings();
    settings.outages.clear();
    for rule in &mut settings.rules {
        rule.hold_for = Duration::from_secs(30);
    }
    let mut limited = settings.sources["genesys"].clone();
    settings.sources.insert("other".into(), limited.clone());
    limited.max_new_incidents.per_minute = 1;
    settings.sources.insert("genesys".into(), limited);
    let path = folder.path().join("limited.db");
    let mut world = World::with_settings(0, ground, path, settings).await;
    let now = world.clock.now();
    world.receive(vec![Reading::breach("breach", now)]).await;
    world.decide().await.unwrap();
    world.clock.advance(Duration::from_secs(60));
    let next = next(world.clock.now());
    world.receive(vec![next]).await;
    world.decide().await.unwrap();
    world.look().await.unwrap();
    let incidents = world.now.incidents.iter();
    incidents.filter(|kept| kept.life.held_by_flood).count()
}

#[test]
fn a_breach_from_another_source_opens_no_more_than_the_limit_on_the_first_allows() {
    let ground = Ground::get();
    run(async {
        let held = held_once_due(ground, |now| Reading::breach_by("other", "again", now)).await;
        assert_eq!(held, 2);
    });
}

#[test]
fn a_clear_of_one_part_opens_no_more_than_the_limit_allows() {
    let ground = Ground::get();
    run(async {
        let held = held_once_due(ground, |now| Reading::clear_of_another_part("clear", now)).await;
        assert_eq!(held, 2);
    });
}

/// Events that one batch of the decider holds.
const BATCH: usize = 4096;

#[test]
fn a_ticket_is_not_opened_before_what_belongs_to_its_outage_is_decided() {
    let ground = Ground::get();
    run(async {
        let folder = ground::folder();
        let path = folder.path().join("behind.db");
        let mut settings = ground.plain_settings();
        for outage in settings.outages.values_mut() {
            outage.at_least = 4;
            outage.hold = Duration::from_secs(5);
        }
        let mut world = World::with_settings(0, ground, path, settings).await;
        let now = world.clock.now();
        let mut readings = vec![Reading::breach("first", now)];
        for number in 0..BATCH {
            readings.push(Reading::clear_of_another_part(&format!("{number}"), now));
        }
        readings.push(Reading::breach_elsewhere("second", now));
        world.receive(readings).await;
        // Deciding is behind: the first's hold is over before the second is decided.
        world.clock.advance(Duration::from_secs(10));
        let creates = |world: &World| {
            let owed = world.now.deliveries.iter();
            owed.filter(|delivery| delivery.operation == "create")
                .count()
        };
        world.decide().await.unwrap();
        world.look().await.unwrap();
        assert_eq!(creates(&world), 0);
        world.decide().await.unwrap();
        world.look().await.unwrap();
        assert_eq!(creates(&world), 1, "the outage's");
    });
}

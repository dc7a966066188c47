//! A simulation of deciding and delivering: thousands of small worlds, each with its own
//! rules, events, faults, crashes and clock, each the same every time its seed is played.
//!
//! `RINGDOWN_SIMULATION_SEED=n` plays one seed and prints what happened in it.
//! `RINGDOWN_SIMULATION_SEEDS=n` plays so many.
mod conditions;
mod coverage;
mod crm;
mod dice;
mod entities;
mod failover;
mod faults;
mod flapping;
mod floods;
mod found;
mod ground;
mod invariants;
mod life;
mod liveness;
mod outages;
mod readings;
mod rendering;
mod schedule;
mod silences;
mod snapshot;
mod world;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use coverage::Coverage;
use ground::Ground;
use schedule::{Played, play};

const SEEDS: u64 = 2_000;
/// Seeds played at the same time, for each processor: one waits for its database's thread most
/// of the time.
const AT_ONCE: usize = 2;

/// The allocator of the program that is shipped.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap())
}

/// A runtime of one thread: the order of things is the seed's.
fn play_alone(seed: u64, folder: &Path) -> Played {
    let (path, ground) = (folder.join(format!("{seed}.db")), Ground::get());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let played = runtime.block_on(play(seed, ground, path.clone()));
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
    }
    played
}

/// Plays the seeds below `seeds`; answers what they covered, and the first that broke a
/// promise.
fn play_all(seeds: u64) -> (Coverage, Option<(u64, Played)>) {
    let folder = ground::folder();
    let next = AtomicU64::new(0);
    let result = Mutex::new((Coverage::default(), None));
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..processors * AT_ONCE {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= seeds {
                        return;
                    }
                    let played = play_alone(seed, folder.path());
                    let mut result = result.lock().unwrap();
                    result.0.add(&played.coverage);
                    if played.broken.is_some() {
                        next.store(seeds, Ordering::SeqCst);
                        result.1.get_or_insert((seed, played));
                    }
                }
            });
        }
    });
    result.into_inner().unwrap()
}

fn fail(seed: u64, played: &Played) -> ! {
    let story = played.story.join("\n");
    let broken = played.broken.as_deref().unwrap_or_default();
    panic!("{story}\n\nseed {seed}: {broken}\nplay it again: RINGDOWN_SIMULATION_SEED={seed}");
}

#[test]
fn no_order_of_events_faults_and_crashes_breaks_a_promise() {
    if let Some(seed) = number("RINGDOWN_SIMULATION_SEED") {
        let played = play_alone(seed, ground::folder().path());
        if played.broken.is_some() {
            fail(seed, &played);
        }
        println!("{}", played.story.join("\n"));
        return;
    }
    let seeds = number("RINGDOWN_SIMULATION_SEEDS").unwrap_or(SEEDS);
    let began = Instant::now();
    let (coverage, broken) = play_all(seeds);
    if let Some((seed, played)) = broken {
        fail(seed, &played);
    }
    println!("{}", coverage.table());
    println!("{seeds} seeds in {:.1} s", began.elapsed().as_secs_f64());
    let missing = coverage.missing();
    assert!(
        seeds < SEEDS || missing.is_empty(),
        "never reached in {seeds} seeds: {missing:#?}"
    );
}

#[test]
fn a_seed_plays_the_same_every_time() {
    let folder = ground::folder();
    for seed in 0..20 {
        let first = play_alone(seed, folder.path());
        let second = play_alone(seed, folder.path());
        assert_eq!(first.story, second.story, "seed {seed}");
    }
}

//! What happens in one seed's world: first anything, in any order; then nothing goes wrong
//! any more, and everything must come to its end.

use std::path::PathBuf;
use std::time::Duration;

use ringdown::domain::time::Timestamp;

use crate::simulation::conditions::Condition;
use crate::simulation::coverage::Coverage;
use crate::simulation::crm::TIMEOUT;
use crate::simulation::ground::Ground;
use crate::simulation::liveness;
use crate::simulation::outages;
use crate::simulation::readings::Reading;
use crate::simulation::world::{Broken, Target, World};

const HOUR: Duration = Duration::from_secs(3600);
/// Looks for something left to do before a world is said to be restless.
pub(crate) const MOST_ROUNDS: usize = 1000;

/// How a seed went.
pub(crate) struct Played {
    pub(crate) coverage: Coverage,
    pub(crate) story: Vec<String>,
    pub(crate) broken: Option<Broken>,
}

/// Plays the world of `seed` from beginning to end, over a database at `path`.
pub(crate) async fn play(seed: u64, ground: &Ground, path: PathBuf) -> Played {
    let mut world = World::new(seed, ground, path).await;
    let broken = live(&mut world).await.err();
    let story = std::mem::take(&mut world.story);
    Played {
        coverage: world.end().await,
        story,
        broken,
    }
}

async fn live(world: &mut World) -> Result<(), Broken> {
    for _ in 0..10 + world.dice.below(30) {
        anything(world).await?;
        world.look().await?;
    }
    if world.dice.chance(20) {
        one_is_refused_in_front(world).await?;
    }
    for target in 0..world.targets.len() {
        if world.dice.chance(40) {
            begin_condition(world, target);
        }
    }
    for _ in 0..10 {
        trouble(world).await?;
        world.look().await?;
    }
    for target in &world.targets {
        target.crm.recover();
    }
    world.tell("nothing goes wrong any more");
    world.look_closely().await?;
    let before = world.now.clone();
    liveness::wait(world).await?;
    world.look_closely().await?;
    liveness::note(&before, &world.now, &mut world.coverage);
    world.watch.is_live(&world.now, &world.targets)?;
    world.tell("nobody breaches any more");
    come_to_rest(world).await?;
    world.look_closely().await?;
    world.watch.at_rest(&world.now)?;
    let replay = world.dice.chance(70);
    for replay in [replay, false] {
        settle_dead_letters(world, replay).await?;
        come_to_rest(world).await?;
    }
    world.look_closely().await?;
    world
        .watch
        .at_the_end(&world.now, &world.targets, &world.sent)
}

/// One thing, as the dice fall.
async fn anything(world: &mut World) -> Result<(), Broken> {
    if is_cut_off_in_a_link(world) {
        return crash(world).await;
    }
    match world.dice.below(100) {
        0..=13 => receive(world).await,
        14..=25 => {
            if world.is_decider_due() || world.dice.chance(5) {
                world.decide().await?;
            }
        }
        26..=28 => world.decide_in_vain().await?,
        29..=32 => crash(world).await?,
        33..=50 => {
            let target = world.dice.below(world.targets.len());
            let name = world.targets[target].name;
            if world.now.next_delivery_at(name).is_some() || world.dice.chance(5) {
                world.work(target).await?;
            }
        }
        51..=76 => proceed(world).await,
        77..=78 => {
            if !crate::simulation::floods::person(world).await? {
                crate::simulation::silences::person(world).await?;
            }
        }
        79..=90 => {
            let span = world
                .dice
                .seconds(&[1, 1, 1, 2, 2, 2, 4, 4, 9, 20, 60, 130, 300]);
            world.pass(span).await;
        }
        91 => {
            let forward = world.dice.chance(50);
            world.set_clock(forward, HOUR);
        }
        92..=93 => {
            let target = world.dice.below(world.targets.len());
            let span = world.dice.seconds(&[10, 60, 600, 3600]);
            world.targets[target].crm.go_down(span);
            world.tell("a CRM goes down");
        }
        94..=96 => {
            let target = world.dice.below(world.targets.len());
            begin_condition(world, target);
        }
        _ => person(world).await?,
    }
    Ok(())
}

fn begin_condition(world: &mut World, target: usize) {
    let condition = Condition::roll(&mut world.dice);
    world.tell(format!("{}: {condition:?}", world.targets[target].name));
    world.targets[target].crm.begin(condition);
}

/// Something in front of a CRM refuses the text of one ticket, while others breach and their tickets
/// pass: by chance alone so many creates hardly come together in one world.
async fn one_is_refused_in_front(world: &mut World) -> Result<(), Broken> {
    let target = world.dice.below(world.targets.len());
    let condition = Condition::one_is_refused_in_front();
    world.tell(format!("{}: {condition:?}", world.targets[target].name));
    world.targets[target].crm.begin(condition);
    for round in 0..40 {
        if round % 4 == 0 {
            receive(world).await;
        }
        let_one_thing_be_done(world, None).await?;
        world.look().await?;
    }
    Ok(())
}

/// No more events; what is owed is sent, and little of it goes well.
async fn trouble(world: &mut World) -> Result<(), Broken> {
    if is_cut_off_in_a_link(world) {
        return crash(world).await;
    }
    match world.dice.below(10) {
        0 => crash(world).await,
        1 => person(world).await,
        2 => {
            proceed(world).await;
            Ok(())
        }
        3..=4 => {
            let target = world.dice.below(world.targets.len());
            world.work(target).await
        }
        _ => let_one_thing_be_done(world, None).await.map(|_| ()),
    }
}

/// Few calls hang a ticket under another, and hardly a crash would come during one by itself.
fn is_cut_off_in_a_link(world: &mut World) -> bool {
    link_call(world).is_some() && world.dice.chance(50)
}

async fn receive(world: &mut World) {
    if world.dice.chance(25) {
        let number = world.sent.len() + world.story.len() * 100;
        let swing = Reading::swing(&mut world.dice, number, world.clock.now());
        return world.receive(swing).await;
    }
    let mut readings = Vec::new();
    for _ in 0..1 + world.dice.below(3) {
        let repeat = !world.sent.is_empty() && world.dice.chance(10);
        let reading = if repeat {
            world.dice.pick(&world.sent).clone()
        } else {
            let number = world.sent.len() + readings.len() + world.story.len() * 100;
            Reading::roll(&mut world.dice, number, world.clock.now())
        };
        readings.push(reading);
    }
    world.receive(readings).await;
}

async fn crash(world: &mut World) -> Result<(), Broken> {
    if world.dice.chance(30) {
        let decided = world.decide().await?;
        world.look().await?;
        if decided > 0 {
            return world.crash("crash: after the batch is kept").await;
        }
    }
    // A call that has just taken effect, or not, and was not answered yet.
    let call = match link_call(world) {
        None => any_call(world),
        link => link,
    };
    if let Some((target, call)) = call
        && world.dice.chance(60)
    {
        world.proceed(target, call).await;
        return world.crash("crash: during a call").await;
    }
    world.crash("crash: at any time").await
}

fn link_call(world: &World) -> Option<(usize, usize)> {
    let mut targets = world.targets.iter().enumerate();
    targets.find_map(|(target, one)| Some((target, one.crm.next_link()?)))
}

fn any_call(world: &mut World) -> Option<(usize, usize)> {
    let busy: Vec<usize> = (0..world.targets.len())
        .filter(|target| world.targets[*target].crm.under_way() > 0)
        .collect();
    if busy.is_empty() {
        return None;
    }
    let target = *world.dice.pick(&busy);
    let call = world.dice.below(world.targets[target].crm.under_way());
    Some((target, call))
}

/// Lets one call go on, sometimes both of its halves.
async fn proceed(world: &mut World) {
    let Some((target, call)) = any_call(world) else {
        return;
    };
    world.proceed(target, call).await;
    let answered = world.targets[target].crm.is_answerable(call);
    if answered && world.dice.chance(70) {
        world.proceed(target, call).await;
    }
}

async fn person(world: &mut World) -> Result<(), Broken> {
    let dead: Vec<i64> = world.now.dead().map(|delivery| delivery.id).collect();
    if dead.is_empty() {
        return Ok(());
    }
    // Giving up the ticket of an outage that goes on has consequences; it is chosen often.
    let outage = world.now.dead().find(|delivery| {
        let incident = world.now.incident(&delivery.incident_id);
        delivery.operation == "create" && incident.is_some_and(|one| outages::is_outage(&one.life))
    });
    let outage = outage.map(|delivery| delivery.id);
    let id = outage.unwrap_or(*world.dice.pick(&dead));
    let replay = world.dice.chance(if outage.is_some() { 30 } else { 70 });
    world.settle_by_hand(id, replay).await
}

/// At the end a person looks at every dead letter, and then at those that came back.
async fn settle_dead_letters(world: &mut World, replay: bool) -> Result<(), Broken> {
    loop {
        let Some(id) = world.now.dead().map(|delivery| delivery.id).next() else {
            return Ok(());
        };
        world.settle_by_hand(id, replay).await?;
        world.look().await?;
    }
}

/// Time passes, and everything is done that is due, until nothing is left to do.
async fn come_to_rest(world: &mut World) -> Result<(), Broken> {
    for _ in 0..MOST_ROUNDS {
        if world.decide().await? == 0 {
            break;
        }
        world.look().await?;
    }
    for target in 0..world.targets.len() {
        work(world, target).await?;
    }
    for _ in 0..MOST_ROUNDS {
        world.look().await?;
        if !let_one_thing_be_done(world, None).await? {
            return world.nothing_is_due().await;
        }
    }
    Err("it does not come to rest".to_owned())
}

/// Does what is due, or lets time pass until something is, but not beyond `latest`; answers whether
/// anything is.
pub(crate) async fn let_one_thing_be_done(
    world: &mut World,
    latest: Option<Timestamp>,
) -> Result<bool, Broken> {
    // What is under way is due when its lease ends, by a clock that is not the world's: it is
    // let go on instead.
    let busy = |one: &Target| one.crm.under_way() > 0;
    if let Some(target) = world.targets.iter().position(busy) {
        match world.targets[target].crm.next_to_go_on() {
            Some(_) => work(world, target).await?,
            None => world.pass(TIMEOUT).await,
        }
        return Ok(true);
    }
    let now = world.clock.now();
    let due = world.dues();
    let Some(next) = due.iter().flatten().min() else {
        return Ok(false);
    };
    if latest.is_some_and(|latest| *next > latest) {
        return Ok(false);
    }
    if *next > now {
        world.pass(next.since(now)).await;
    }
    let now = world.clock.now();
    let is_due = |at: &Option<Timestamp>| at.is_some_and(|at| at <= now);
    if due.first().is_some_and(is_due) {
        world.decide().await?;
    }
    for (target, _) in due.iter().skip(1).enumerate().filter(|(_, at)| is_due(at)) {
        work(world, target).await?;
    }
    // What was due and is not done is due again soon.
    world.pass(Duration::from_millis(1)).await;
    Ok(true)
}

/// A target's worker does what is due, with a CRM that answers at once.
pub(crate) async fn work(world: &mut World, target: usize) -> Result<(), Broken> {
    world.work(target).await?;
    while let Some(call) = world.targets[target].crm.next_to_go_on() {
        world.proceed(target, call).await;
    }
    Ok(())
}

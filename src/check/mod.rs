//! Tries a configuration before it is needed: each rule is run against the events that it names, as
//! the catalogue and the maps of custom sources describe them.
//!
//! `known` says which events a rule can see, `kinds` what they can contain, `values` makes signals from them on both sides of every
//! threshold, and the other files each look for one sort of mistake. An error is what fails on every
//! such event; a warning is what can be used and can hardly be meant. About an event type of which
//! nothing is known, nothing is said.
//!
//! Pure.

mod breach;
mod comparisons;
mod durations;
mod expressions;
mod idle;
mod idle_events;
mod key;
mod kinds;
mod known;
mod leftovers;
mod lookups;
mod members;
mod names;
mod outages;
mod overlap;
mod place;
mod plain_text;
mod ranges;
mod reachable;
mod rows;
mod sample;
mod spans;
mod statuses;
mod tickets;
mod values;
mod words;

use crate::domain::time::Timestamp;
use crate::domain::trouble::OWN_RULE;
use crate::settings::{Level, Problem, RuleSettings, Settings};
use kinds::Kinds;
use known::Known;
use lookups::Lookups;
use place::{Place, places};
use tickets::Tickets;

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// What cannot be used.
    Errors,
    /// Also what can hardly be meant.
    All,
}

/// Everything that is wrong with the rules and templates of `settings`, or looks wrong at `now`.
pub(crate) fn check(settings: &Settings, now: Timestamp) -> Vec<Problem> {
    let mut found = look(settings, Depth::All);
    plain_text::check(settings, &mut found);
    members::check(settings, &mut found);
    outages::check(settings, &mut found);
    spans::check(settings, &mut found);
    idle::check(settings, now, &mut found);
    leftovers::check(settings, &mut found);
    without_repetition(found)
}

/// What the daemon cannot start with. It is a part of what [`check`] finds, and found much faster.
pub(crate) fn errors(settings: &Settings) -> Vec<Problem> {
    let found = look(settings, Depth::Errors).into_iter();
    without_repetition(
        found
            .filter(|problem| problem.level == Level::Error)
            .collect(),
    )
}

fn look(settings: &Settings, depth: Depth) -> Vec<Problem> {
    let known = Known::of(settings);
    let mut found = Vec::new();
    let mut tickets = Tickets::of(settings);
    let mut lookups = Lookups::default();
    for rule in settings.rules.iter().filter(|rule| rule.name != OWN_RULE) {
        let kinds = known.kinds_of(rule);
        // What is found of one rule does not depend on what was found of others.
        let mut of_rule = Vec::new();
        if depth == Depth::All {
            names::check_events(rule, &kinds, &mut of_rule);
        }
        if kinds.are_understood() {
            let places = places(rule);
            check_rule(rule, &places, &kinds, depth, &mut of_rule);
            tickets.try_rule(rule, &places, &kinds, depth);
        }
        if depth == Depth::All {
            lookups.note(rule, &kinds, settings);
        }
        found.extend(of_rule);
    }
    found.extend(tickets.problems());
    lookups.check(&mut found);
    found
}

fn check_rule(
    rule: &RuleSettings,
    places: &[Place<'_>],
    kinds: &Kinds<'_>,
    depth: Depth,
    found: &mut Vec<Problem>,
) {
    let is_all = depth == Depth::All;
    for place in places {
        comparisons::check(place, kinds, found);
        if is_all {
            names::check_names(place, kinds, found);
            statuses::check_words(place, kinds, found);
            words::check(rule, place, kinds, found);
        }
    }
    if is_all {
        if let Some(when) = places.first() {
            names::check_trigger(when, kinds, found);
            ranges::check_divisors(rule, when, found);
        }
        let verdicts = places.get(..1 + usize::from(rule.clear.is_some()));
        idle_events::check(rule, verdicts.unwrap_or_default(), kinds, found);
        comparisons::check_swapped(rule, places, found);
        statuses::check_meaning(rule, kinds, found);
        overlap::check(rule, places, found);
        reachable::check(rule, places, kinds, found);
    }
    expressions::check_failures(rule, places, kinds, found);
    if is_all {
        expressions::check_verdicts(rule, places, kinds, found);
    }
    key::check(rule, kinds, depth, found);
}

fn without_repetition(found: Vec<Problem>) -> Vec<Problem> {
    let mut kept: Vec<Problem> = Vec::new();
    for problem in found {
        if !kept.contains(&problem) {
            kept.push(problem);
        }
    }
    kept
}

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
mod expressions;
mod key;
mod kinds;
mod known;
mod leftovers;
mod names;
mod overlap;
mod plain_text;
mod ranges;
mod sample;
mod spans;
mod statuses;
mod tickets;
mod values;
mod words;

use crate::domain::trouble::OWN_RULE;
use crate::settings::{Problem, RuleSettings, Settings};
use expressions::Place;
use kinds::Kinds;
use known::Known;
use tickets::Tickets;

/// Everything that is wrong with the rules and templates of `settings`, or looks wrong.
pub(crate) fn check(settings: &Settings) -> Vec<Problem> {
    let known = Known::of(settings);
    let mut found = Vec::new();
    let mut tickets = Tickets::of(settings);
    for rule in settings.rules.iter().filter(|rule| rule.name != OWN_RULE) {
        let kinds = known.kinds_of(rule);
        names::check_events(rule, &kinds, &mut found);
        spans::check(rule, settings, &mut found);
        if kinds.are_understood() {
            let places = expressions::places(rule);
            check_rule(rule, &places, &kinds, &mut found);
            tickets.try_rule(rule, &places, &kinds);
        }
    }
    found.extend(tickets.problems());
    plain_text::check(settings, &mut found);
    leftovers::check(settings, &mut found);
    without_repetition(found)
}

fn check_rule(
    rule: &RuleSettings,
    places: &[Place<'_>],
    kinds: &Kinds<'_>,
    found: &mut Vec<Problem>,
) {
    for place in places {
        names::check_names(place, kinds, found);
        comparisons::check(place, kinds, found);
        statuses::check_words(place, kinds, found);
        words::check(rule, place, kinds, found);
    }
    if let Some(when) = places.first() {
        names::check_trigger(when, kinds, found);
    }
    comparisons::check_swapped(rule, places, found);
    statuses::check_meaning(rule, kinds, found);
    overlap::check(rule, places, found);
    expressions::try_rule(rule, places, kinds, found);
    key::check(rule, kinds, found);
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

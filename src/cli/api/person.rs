//! What waits for a person, as lines of `ringdown status`.

use serde_json::Value;

use super::cards::{age_of, counted, items, time};
use crate::cli::columns::{Cell, Style};
use crate::cli::table::shown;
use crate::domain::situation::age;
use crate::domain::time::Timestamp;

pub(super) fn person_rows(person: &Value, now: Timestamp) -> Vec<Vec<Cell>> {
    let mut rows = refused_rows(person, now);
    rows.extend(other_person_rows(person, now));
    rows
}

fn person_row(what: String, why: String, since: &Value, now: Timestamp) -> Vec<Cell> {
    vec![
        Cell::styled("waits for a person", Style::Warning).ranked(1),
        Cell::new(what).whole(),
        Cell::new(age_of(since, now)).ranked(2),
        Cell::new(why),
    ]
}

/// What a CRM, or something in front of it, refuses until a person acts.
fn refused_rows(person: &Value, now: Timestamp) -> Vec<Vec<Cell>> {
    let row = |one: &Value, what, why, since: &str| person_row(what, why, &one[since], now);
    let text = |one: &Value, name: &str| shown(one.get(name));
    let targets = items(&person["targets"]).iter().map(|one| {
        let what = format!("target {}", text(one, "target"));
        row(one, what, text(one, "task"), "since")
    });
    let alone = items(&person["refused_alone"]).iter().map(|one| {
        let what = format!(
            "{} of {} in {}",
            text(one, "operation"),
            text(one, "key"),
            text(one, "target")
        );
        let next = time(&one["next_attempt_at"]).map_or_else(String::new, |at| {
            format!("next try in {}: ", age(at.since(now)))
        });
        row(one, what, next + &text(one, "message"), "created_at")
    });
    let dead = items(&person["dead_letters"]).iter().map(|one| {
        let what = format!(
            "{} × {} in {}, see: ringdown dead-letters show {}",
            text(one, "count"),
            text(one, "operation"),
            text(one, "target"),
            text(one, "example")
        );
        row(one, what, text(one, "message"), "oldest_at")
    });
    targets.chain(alone).chain(dead).collect()
}

fn other_person_rows(person: &Value, now: Timestamp) -> Vec<Vec<Cell>> {
    let row = |one: &Value, what, why, since: &str| person_row(what, why, &one[since], now);
    let text = |one: &Value, name: &str| shown(one.get(name));
    let review = items(&person["review"]).iter().map(|one| {
        let what = format!(
            "{} × review item of {}, see: ringdown review show {}",
            text(one, "count"),
            text(one, "source"),
            text(one, "example")
        );
        row(one, what, text(one, "reason"), "oldest_at")
    });
    let floods = items(&person["floods"]).iter().map(|one| {
        let what = format!(
            "{} × held by the flood of {}, see: ringdown incidents floods",
            text(one, "held"),
            text(one, "source")
        );
        row(one, what, String::new(), "opened_at")
    });
    let incomplete = items(&person["incomplete"]).iter().map(|one| {
        let count = counted(&one["count"], "incomplete ticket", "incomplete tickets");
        let what = format!(
            "{count} in {}, see: ringdown incidents show {}",
            text(one, "target"),
            text(one, "example")
        );
        let fields = items(&one["fields"]).iter();
        let why: Vec<String> = fields
            .map(|field| format!("{}: {}", text(field, "field"), text(field, "reason")))
            .collect();
        row(one, what, why.join("; "), "newest_at")
    });
    review.chain(floods).chain(incomplete).collect()
}

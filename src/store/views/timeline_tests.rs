//! Tests of how decisions become runs and how sources are merged.

use super::*;
use crate::domain::time::Timestamp;

fn decided(outcomes: &[&str]) -> Vec<DecisionRow> {
    let numbered = (1..).zip(outcomes);
    numbered
        .map(|(seq, outcome)| DecisionRow {
            event_seq: seq,
            received_at: Timestamp::from_millis(seq * 1000).into(),
            event_id: format!("evt-{seq}"),
            outcome: (*outcome).to_owned(),
        })
        .collect()
}

fn told(outcomes: &[&str], limit: usize) -> (Vec<(String, u64, i64)>, bool) {
    let (runs, all) = runs(decided(outcomes), limit);
    let shown = |run: PlacedEntry| (run.entry.what, run.entry.count.unwrap(), run.place);
    (runs.into_iter().map(shown).collect(), all)
}

#[test]
fn neighbours_with_one_outcome_are_one_run_which_a_told_decision_ends() {
    let active = "active_incident";
    let outcomes = ["opened", active, active, "commented", active, "clearing"];
    let run = |what: &str, count, place| (what.to_owned(), count, place);
    let expected = vec![run(active, 2, 4), run(active, 1, 5), run("clearing", 1, 6)];
    assert_eq!(told(&outcomes, 50), (expected, true));
}

#[test]
fn runs_stop_at_the_limit_and_say_so() {
    let (runs, all) = told(&["clearing", "between", "clearing"], 2);
    assert_eq!((runs.len(), all), (2, false));
}

#[test]
fn a_cursor_of_another_list_is_refused() {
    let places = Places {
        history: 3,
        delivery: 2,
        decision: 70,
        condition: 4,
    };
    let cursor = places.cursor(5);
    assert_eq!(Places::read(Some(&cursor)).unwrap(), places);
    let other = Cursor {
        at: 5,
        id: "7".into(),
    };
    assert!(Places::read(Some(&other)).is_err());
}

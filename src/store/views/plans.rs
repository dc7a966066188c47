//! Every list walks an index in its own order: no page reads or sorts a whole table.

use super::deliveries::{dead_letters_select, deliveries_of, deliveries_select};
use super::events::{events_select, events_with_id};
use super::incident_detail::incident_events_select;
use super::incidents::incidents_select;
use super::locks::locks_select;
use super::ongoing::{
    self, closed_members_select, ongoing_page_select, ongoing_select, outages_select,
    reading_events_select,
};
use super::page::{Cursor, Filter, PageRequest};
use super::timeline_entry::{decisions_after, deliveries_after, history_after};
use super::why::{beginning_select, named_select};
use super::{audit, counts, incomplete, last_day, person, queues, reviews, silences};
use crate::domain::time::Timestamp;
use crate::store::Store;
use crate::store::statement::Statement;

async fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ringdown.db");
    let store = Store::open(&format!("sqlite:{}", path.display()))
        .await
        .unwrap();
    (folder, store)
}

fn pages() -> [PageRequest; 2] {
    let after = Cursor {
        at: 5,
        id: "7".into(),
    };
    [None, Some(after)].map(|after| PageRequest { after, limit: 50 })
}

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

async fn plan(select: Statement<'_>, store: &Store) -> String {
    let mut tx = store.database.begin_read().await.unwrap();
    select.plan(&mut tx).await
}

/// Fails when `select` scans `table` or sorts.
async fn walks_an_index(store: &Store, select: Statement<'_>, table: &str) {
    let statement = select.sqlite_text();
    let plan = plan(select, store).await;
    for step in plan.lines() {
        let whole_table = step.starts_with("SCAN") && !step.contains("USING");
        // Walking the table's own key is the order of the journal.
        let key_walk = table == "e" && step == "SCAN e";
        assert!(!whole_table || key_walk, "{statement}\n{plan}");
        let sorts = step.contains("TEMP B-TREE") && !step.contains("LAST TERM");
        assert!(!sorts, "{statement}\n{plan}");
    }
}

#[tokio::test]
async fn pages_of_every_list_come_from_an_index_without_sorting() {
    let (_folder, store) = store().await;
    let times = Filter {
        since: Some(Timestamp::from_millis(1)),
        until: Some(Timestamp::from_millis(9)),
        ..Filter::default()
    };
    for page in pages() {
        for filter in [Filter::default(), times.clone()] {
            let bounds = (filter.since.map(|_| 3), filter.until.map(|_| 8));
            let select = events_select(&filter, bounds, &page).unwrap();
            walks_an_index(&store, select, "e").await;
            walks_an_index(&store, incidents_select(&filter, &page), "i").await;
            let select = deliveries_select(&filter, &page).unwrap();
            walks_an_index(&store, select, "d").await;
            let select = dead_letters_select(&filter, &page).unwrap();
            walks_an_index(&store, select, "d").await;
            let select = reviews::reviews_select(&filter, &page).unwrap();
            walks_an_index(&store, select, "r").await;
            let now = Timestamp::from_millis(5);
            walks_an_index(&store, locks_select(&filter, &page, now), "burst_locks").await;
            let select = silences::silences_select(&filter, &page, now).unwrap();
            walks_an_index(&store, select, "s").await;
            let select = audit::audit_select(&filter, &page).unwrap();
            walks_an_index(&store, select, "a").await;
        }
    }
}

/// Of two upper bounds SQLite begins at either, and reads all events between them.
#[tokio::test]
async fn a_page_of_events_begins_at_one_bound() {
    for page in pages() {
        for rule in [None, text("r")] {
            let filter = Filter {
                rule,
                ..Filter::default()
            };
            let select = events_select(&filter, (Some(3), Some(8)), &page).unwrap();
            let statement = select.sqlite_text();
            assert_eq!(statement.matches("seq < ").count(), 1, "{statement}");
        }
    }
}

#[tokio::test]
async fn what_a_person_has_in_hand_is_found_by_an_index() {
    let (_folder, store) = store().await;
    let page = &pages()[0];
    let filters = [
        (
            Filter {
                states: vec!["open".to_owned()],
                ..Filter::default()
            },
            "incidents_by_state",
        ),
        (
            Filter {
                key: text("q-1"),
                ..Filter::default()
            },
            "incidents_by_key",
        ),
        (
            Filter {
                ticket: text("INC1"),
                ..Filter::default()
            },
            "incidents_by_ticket_number",
        ),
    ];
    for (filter, index) in filters {
        let plan = plan(incidents_select(&filter, page), &store).await;
        assert!(plan.contains(index), "{filter:?}\n{plan}");
    }
}

/// What few of very many deliveries are is found without reading the rows of the others.
#[tokio::test]
async fn rare_deliveries_are_found_in_an_index() {
    let (_folder, store) = store().await;
    let page = &pages()[0];
    let by_state = |state: &str| Filter {
        states: vec![state.to_owned()],
        ..Filter::default()
    };
    for state in ["waiting", "parked", "sending", "discarded"] {
        let filter = by_state(state);
        let plan = plan(deliveries_select(&filter, page).unwrap(), &store).await;
        assert!(plan.contains("deliveries_unfinished"), "{state}\n{plan}");
    }
    let alone = Statement::new(person::REFUSED_ALONE).bind(100_u32);
    let plan_of_alone = plan(alone, &store).await;
    assert!(
        plan_of_alone.contains("deliveries_parked"),
        "{plan_of_alone}"
    );
    let by_rule = Filter {
        rule: text("r"),
        source: text("s"),
        ..Filter::default()
    };
    for filter in [by_rule, by_state("done")] {
        let plan = plan(deliveries_select(&filter, page).unwrap(), &store).await;
        assert!(plan.contains("deliveries_newest"), "{filter:?}\n{plan}");
    }
}

#[tokio::test]
async fn details_and_counts_are_found_by_an_index() {
    let (_folder, store) = store().await;
    for (select, index) in [
        (queues::by_key_select("q-1"), "incidents_by_key"),
        (
            queues::by_queue_select("q-1"),
            "SEARCH q USING INDEX incidents_by_queue (<expr>=?)",
        ),
        (incident_events_select("i-1"), "decisions_by_incident"),
        (deliveries_of("i-1"), "deliveries_by_incident"),
        (history_after("i-1", 7, 50), "incident_history_by_incident"),
        (deliveries_after("i-1", 7, 50), "deliveries_by_incident"),
        (decisions_after("i-1", 7, 50), "decisions_by_incident"),
        (
            Statement::new(counts::INCIDENTS_BY_STATE),
            "incidents_by_state",
        ),
        (
            Statement::new(counts::OWED_BY_TARGET),
            "deliveries_due (target=? AND state=?)",
        ),
        (Statement::new(counts::FLAPPING), "incidents_flapping"),
        (
            Statement::new(counts::DEAD_LETTERS_BY_KIND),
            "deliveries_dead",
        ),
        (
            Statement::new(counts::INCOMPLETE_BY_TARGET),
            "USING INDEX incidents_incomplete",
        ),
        (
            Statement::new(counts::REVIEW_ITEMS_BY_SOURCE),
            "review_items_by_state",
        ),
    ] {
        let plan = plan(select, &store).await;
        assert!(plan.contains(index), "{index}\n{plan}");
    }
}

/// Fails when `select` reads a whole table, or sorts the rows of one.
async fn reads_only_indexes(store: &Store, select: Statement<'_>, indexes: &[&str]) {
    let plan = plan(select, store).await;
    for index in indexes {
        assert!(plan.contains(index), "{index}\n{plan}");
    }
    let scans = |step: &&str| step.trim_start().starts_with("SCAN ") && !step.contains("INDEX");
    let of_tables = |step: &&str| {
        !["SCAN g", "SCAN (", "SCAN n", "SCAN of_", "SCAN runs"]
            .iter()
            .any(|own| step.trim_start().starts_with(own))
    };
    let whole: Vec<&str> = plan.lines().filter(scans).filter(of_tables).collect();
    assert!(
        whole.iter().all(|step| step.contains("CONSTANT ROW")),
        "{whole:?}\n{plan}"
    );
}

#[tokio::test]
async fn what_is_going_on_is_read_from_indexes_however_much_is_over() {
    let (_folder, store) = store().await;
    let id = crate::domain::identity::IncidentId::new("i-1");
    let target = crate::domain::identity::TargetName::new("servicenow");
    walks_an_index(&store, ongoing_select(300), "i").await;
    for (select, indexes) in [
        (ongoing_select(300), &["incidents_worst"][..]),
        (
            Statement::new(ongoing::STANDING),
            &["COVERING INDEX incidents_standing"],
        ),
        (
            Statement::new(ongoing::OWED),
            &["COVERING INDEX deliveries_owed"],
        ),
        (
            Statement::new(person::DEAD_LETTER_GROUPS),
            &["deliveries_dead_by_reason"],
        ),
        (
            person::review_groups_select(None, 100),
            &["INDEX review_items_by_state_and_reason"],
        ),
        (
            person::review_groups_select(Some("genesys"), 100),
            &["INDEX review_items_by_state_and_reason"],
        ),
        (
            Statement::new(incomplete::INCOMPLETE_GROUPS),
            &["USING INDEX incidents_incomplete"],
        ),
        (
            Statement::new(last_day::COUNTS),
            &["SEARCH a USING PRIMARY KEY (hour>?)"],
        ),
        (
            Statement::new(last_day::OVER),
            &["USING INDEX incidents_outages"],
        ),
        (
            Statement::new(last_day::ONGOING),
            &["USING INDEX incidents_ongoing_outages"],
        ),
        (closed_members_select(&id, 100), &["incidents_by_outage"]),
        (outages_select(&target, 50), &["incidents_ongoing_outages"]),
        (reading_events_select(&id, 100), &["decisions_by_incident"]),
        (
            named_select("01a22811-"),
            &[
                "incidents_by_ticket_number",
                "incidents_by_ticket_id",
                "incidents_by_key",
                "incidents_by_queue",
                "incidents_by_name",
                "incidents_by_beginning",
                "incidents_by_end",
            ],
        ),
    ] {
        reads_only_indexes(&store, select, indexes).await;
    }
}

/// Tens of thousands of incidents may go on: a page of the worst of them sorts none.
#[tokio::test]
async fn the_worst_are_read_in_the_order_of_an_index_whatever_is_filtered() {
    let (_folder, store) = store().await;
    let of = |change: fn(&mut Filter)| {
        let mut filter = Filter::default();
        change(&mut filter);
        filter
    };
    for (filter, index) in [
        (of(|_| ()), "incidents_worst"),
        (
            of(|one| one.states = vec!["open".to_owned()]),
            "incidents_worst",
        ),
        (
            of(|one| one.severities = vec!["high".to_owned()]),
            "incidents_worst",
        ),
        (of(|one| one.rule = text("r")), "incidents_worst"),
        (of(|one| one.source = text("s")), "incidents_worst"),
        (of(|one| one.target = text("t")), "incidents_worst"),
        (of(|one| one.outage = text("o")), "incidents_worst_members"),
    ] {
        let select = ongoing_page_select(&filter, 50, 100);
        walks_an_index(&store, select.clone(), "i").await;
        let plan = plan(select, &store).await;
        let mut words = plan.split_whitespace();
        assert!(words.any(|word| word == index), "{filter:?}\n{plan}");
    }
}

#[tokio::test]
async fn review_items_are_grouped_in_the_order_of_an_index() {
    let (_folder, store) = store().await;
    for source in [None, Some("genesys")] {
        let plan = plan(person::review_groups_select(source, 100), &store).await;
        assert!(!plan.contains("TEMP B-TREE FOR GROUP BY"), "{plan}");
    }
}

/// Filters that may leave nothing of a long list: what is not wanted is sorted out in an index.
#[tokio::test]
async fn every_filter_of_incidents_and_events_is_answered_from_an_index() {
    let (_folder, store) = store().await;
    let of = |change: fn(&mut Filter)| {
        let mut filter = Filter::default();
        change(&mut filter);
        filter
    };
    let both = |filter: &mut Filter| {
        filter.rule = text("r");
        filter.target = text("t");
        filter.severities = vec!["high".to_owned()];
    };
    for page in pages() {
        for filter in [
            of(|filter| filter.rule = text("r")),
            of(|filter| filter.source = text("s")),
            of(|filter| filter.target = text("t")),
            of(|filter| filter.severities = vec!["high".to_owned()]),
            of(both),
        ] {
            let select = incidents_select(&filter, &page);
            walks_an_index(&store, select, "i").await;
            let plan = plan(incidents_select(&filter, &page), &store).await;
            assert!(plan.contains("incidents_newest"), "{filter:?}\n{plan}");
        }
        for (filter, index) in [
            (of(|filter| filter.rule = text("r")), "decisions_by_rule"),
            (
                of(|filter| filter.event_id = text("e")),
                "SEARCH p USING PRIMARY KEY (run=? AND hash=?)",
            ),
            (of(|filter| filter.key = text("k")), "incidents_by_key"),
            (
                of(|filter| filter.incident = text("i")),
                "decisions_by_incident",
            ),
        ] {
            let bounds = (None, None);
            let select = events_select(&filter, bounds, &page).unwrap();
            reads_only_indexes(&store, select, &[index]).await;
        }
    }
    let select = beginning_select("Bill", false);
    reads_only_indexes(&store, select, &["incidents_by_name"]).await;
    let select = events_with_id("e");
    reads_only_indexes(
        &store,
        select,
        &["SEARCH p USING PRIMARY KEY (run=? AND hash=?)"],
    )
    .await;
}

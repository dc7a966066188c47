//! Changes that show no place in the order of changes.

use ringdown::domain::change_feed::ChangeMark;
use ringdown::domain::time::Timestamp;
use ringdown::targets::Crm;
use serde_json::{Value, json};

use crate::servicenow::cases::{key, row};
use crate::servicenow::instance::{Instance, client, result};

const PAGE: usize = 500;

/// A ticket of ours; its time of change is not shown.
fn without_place(number: usize) -> Value {
    row(
        &format!("{number:032x}"),
        key().as_str(),
        "2026-11-23 14:00:00",
    )
}

fn page(number: usize) -> Value {
    let rows = (0..PAGE).map(|row| without_place(number * PAGE + row));
    rows.collect()
}

fn begin() -> ChangeMark {
    ChangeMark::from(Timestamp::from_millis(1_600_000_000_000))
}

#[tokio::test]
async fn tickets_of_a_page_without_a_place_are_seen_with_the_next_page() {
    let mut with_place = without_place(PAGE);
    with_place["sys_updated_on"] = json!("2026-11-23 14:07:30");
    let (instance, base) = Instance::playing([result(page(0)), result(json!([with_place]))]).await;
    let page = client(&base).changes_after(&begin()).await.unwrap();
    assert_eq!(page.seen.len(), PAGE + 1);
    assert_eq!(page.next, None);
    assert!(instance.asked()[1].query.contains("sysparm_offset=500"));
}

#[tokio::test]
async fn at_the_limit_of_pages_without_a_place_their_tickets_are_seen() {
    let script = (0..20).map(|number| result(page(number)));
    let (instance, base) = Instance::playing(script).await;
    let page = client(&base).changes_after(&begin()).await.unwrap();
    assert_eq!(page.seen.len(), 20 * PAGE);
    assert_eq!(page.next, None);
    assert_eq!(instance.asked().len(), 20);
}

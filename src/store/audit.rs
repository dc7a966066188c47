//! Keeps the audit log: every change by a person, in the same transaction as the change.

use serde_json::{Map, Value, json};

use super::StoreError;
use super::database::Tx;
use super::statement::Statement;
use super::views::Filter;
use crate::domain::time::Timestamp;

/// Ids named in one entry; the count is always complete.
const MAX_IDS: usize = 1000;

/// The person who changes something, and the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangedBy<'a> {
    /// The name of the admin token, or `local`.
    pub actor: &'a str,
    pub at: Timestamp,
}

/// Notes that `by` did `action` to `subject`, in an open transaction.
pub(super) async fn record(
    tx: &mut Tx,
    by: ChangedBy<'_>,
    action: &str,
    subject: &str,
    detail: &Value,
) -> Result<(), StoreError> {
    Statement::new(
        "insert into audit (at, actor, action, subject, detail) values ($1, $2, $3, $4, $5)",
    )
    .bind(by.at)
    .bind(by.actor)
    .bind(action)
    .bind(subject)
    .bind(detail.to_string())
    .execute(tx)
    .await?;
    Ok(())
}

/// The audit entry of a change in bulk: the filter, and the ids that it matched.
pub(super) fn bulk_detail(filter: &Filter, ids: &[i64]) -> Value {
    let named: Vec<String> = ids.iter().take(MAX_IDS).map(i64::to_string).collect();
    json!({ "filter": filter_detail(filter), "count": ids.len(), "ids": named })
}

fn filter_detail(filter: &Filter) -> Map<String, Value> {
    let times = [("since", filter.since), ("until", filter.until)];
    let texts = [
        ("source", &filter.source),
        ("target", &filter.target),
        ("rule", &filter.rule),
        ("key", &filter.key),
        ("incident", &filter.incident),
        ("outage", &filter.outage),
        ("event_id", &filter.event_id),
        ("ticket", &filter.ticket),
        ("kind", &filter.kind),
        ("operation", &filter.operation),
    ];
    let states = (!filter.states.is_empty()).then(|| ("state".to_owned(), json!(filter.states)));
    let like = filter
        .like
        .map(|id| ("like".to_owned(), json!(id.to_string())));
    let times = times
        .into_iter()
        .filter_map(|(name, at)| Some((name.to_owned(), json!(at?.in_milliseconds()))));
    let texts = texts
        .into_iter()
        .filter_map(|(name, text)| Some((name.to_owned(), json!(text.as_ref()?))));
    times.chain(texts).chain(states).chain(like).collect()
}

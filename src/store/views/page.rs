//! Filters, pages and cursors of lists.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::values::{DisplayTime, RowId};
use crate::domain::time::Timestamp;
use crate::store::StoreError;
use crate::store::value::Value;

/// The filter of a list. Each list uses the fields that it has; the caller refuses the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before, exclusive.
    pub until: Option<Timestamp>,
    /// In one of these states; empty: in any.
    pub states: Vec<String>,
    /// With one of these severities; empty: with any.
    pub severities: Vec<String>,
    /// From this source.
    pub source: Option<String>,
    /// To this target.
    pub target: Option<String>,
    /// Found by this rule.
    pub rule: Option<String>,
    /// With this correlation key.
    pub key: Option<String>,
    /// About this incident.
    pub incident: Option<String>,
    /// With this event id, as the sender gave it.
    pub event_id: Option<String>,
    /// Members of this outage.
    pub outage: Option<String>,
    /// Whose ticket has this id or number.
    pub ticket: Option<String>,
    /// Failed in this way.
    pub kind: Option<String>,
    /// With this operation.
    pub operation: Option<String>,
    /// For the same reason as the dead letter or review item with this id.
    pub like: Option<i64>,
}

impl Filter {
    /// Everything.
    pub(super) const fn none() -> Self {
        Self {
            since: None,
            until: None,
            states: Vec::new(),
            severities: Vec::new(),
            source: None,
            target: None,
            rule: None,
            key: None,
            incident: None,
            event_id: None,
            outage: None,
            ticket: None,
            kind: None,
            operation: None,
            like: None,
        }
    }
}

/// Which page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// After this cursor; `None`: the first page.
    pub after: Option<Cursor>,
    /// Items at most.
    pub limit: u32,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items, newest first.
    pub items: Vec<T>,
    /// Where the next page begins; `None`: there is none.
    pub next: Option<Cursor>,
}

/// A place in a list: behind the item with this time and id. What comes into the list later
/// is newer, so that it moves no place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub(super) at: i64,
    pub(super) id: String,
}

impl Cursor {
    /// The place behind the first `count` items.
    pub(super) fn counted(count: i64) -> Self {
        Self {
            at: count,
            id: "counted".to_owned(),
        }
    }

    /// Reads the text that [`Display`](std::fmt::Display) writes.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (at, id) = text.split_once(' ')?;
        Some(Self {
            at: at.parse().ok()?,
            id: id.to_owned(),
        })
    }

    /// The place behind the item `id` of what stands before all that is in the database.
    pub fn behind(id: &str) -> Self {
        Self {
            at: i64::MAX,
            id: id.to_owned(),
        }
    }

    /// The item's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn number(&self) -> Result<i64, StoreError> {
        self.id.parse().map_err(|_| StoreError::InvalidCursor)
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = format!("{} {}", self.at, self.id);
        formatter.write_str(&BASE64_URL_SAFE_NO_PAD.encode(text))
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An item of a list, which knows its place.
pub(super) trait Item {
    fn cursor(&self) -> Cursor;
}

/// A cursor for a row with a number.
pub(super) fn row_cursor(at: DisplayTime, id: RowId) -> Cursor {
    Cursor {
        at: at.timestamp().as_millis(),
        id: id.0.to_string(),
    }
}

/// One row more than the page holds is read, to know whether there is a next one.
pub(super) fn rows_to_read(page: &PageRequest) -> Value<'static> {
    Value::from(i64::from(page.limit) + 1)
}

pub(super) fn page_of<T: Item>(mut rows: Vec<T>, page: &PageRequest) -> Page<T> {
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(Item::cursor);
    Page { items: rows, next }
}

pub(super) fn row_number(what: &'static str, id: &str) -> Result<i64, StoreError> {
    id.parse().map_err(|_| not_found(what, id))
}

pub(super) fn not_found(what: &'static str, id: &str) -> StoreError {
    StoreError::NotFound {
        what,
        id: id.chars().take(64).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_the_way_through_a_client() {
        let cursor = Cursor {
            at: 1_795_442_850_000,
            id: "queue-wait\u{1f}Billing Tier 1".into(),
        };
        let text = cursor.to_string();
        assert!(
            text.chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        );
        assert_eq!(Cursor::parse(&text), Some(cursor));
        assert_eq!(Cursor::parse("nonsense"), None);
    }
}

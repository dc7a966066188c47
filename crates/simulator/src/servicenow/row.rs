//! A record, as every table holds it.

use std::collections::BTreeMap;

use uuid::Uuid;

/// A record: every value is a text, as on the wire.
pub(super) type Row = BTreeMap<String, String>;

/// A value of `row`; empty where it has none.
pub(super) fn text<'row>(row: &'row Row, column: &str) -> &'row str {
    row.get(column).map_or("", String::as_str)
}

/// An id of the instance's own.
pub(super) fn new_id() -> String {
    Uuid::new_v4().simple().to_string()
}

/// A record with these values.
pub(super) fn row(values: &[(&str, &str)]) -> Row {
    values
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

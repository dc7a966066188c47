//! Rows and tables, in memory: fields by name, found by id and by one key column.
//! Knows nothing about Salesforce's rules.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use serde_json::Value;

/// A row's fields by name.
pub(super) type Record = BTreeMap<String, Value>;

/// One table: rows in the order of their creation.
#[derive(Debug, Clone)]
pub(super) struct Table {
    id_field: &'static str,
    /// The column besides the id that is looked up often.
    key_field: String,
    rows: Vec<Row>,
    /// How many of the rows are in the recycle bin.
    binned: usize,
    by_id: HashMap<String, usize>,
    by_key: HashMap<String, Vec<usize>>,
}

/// A row, and when it was made.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) fields: Record,
    pub(super) made: Instant,
}

impl Table {
    pub(super) fn new(id_field: &'static str, key_field: impl Into<String>) -> Self {
        Self {
            id_field,
            key_field: key_field.into(),
            rows: Vec::new(),
            binned: 0,
            by_id: HashMap::new(),
            by_key: HashMap::new(),
        }
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &Record> {
        self.rows.iter().map(|row| &row.fields)
    }

    pub(super) fn get(&self, id: &str) -> Option<&Row> {
        self.by_id
            .get(&fold_id(id))
            .and_then(|index| self.rows.get(*index))
    }

    pub(super) fn insert(&mut self, fields: Record) {
        let index = self.rows.len();
        self.by_id
            .insert(fold_id(text(&fields, self.id_field)), index);
        self.index_key(&fields, index);
        self.rows.push(Row {
            fields,
            made: Instant::now(),
        });
    }

    /// Sets fields of a row; false when there is none with this id.
    pub(super) fn update(&mut self, id: &str, changes: Record) -> bool {
        let Some(index) = self.by_id.get(&fold_id(id)).copied() else {
            return false;
        };
        let Some(row) = self.rows.get_mut(index) else {
            return false;
        };
        let old_key = fold(text(&row.fields, &self.key_field));
        row.fields.extend(changes);
        let fields = row.fields.clone();
        if fold(text(&fields, &self.key_field)) != old_key {
            if let Some(indexes) = self.by_key.get_mut(&old_key) {
                indexes.retain(|one| *one != index);
            }
            self.index_key(&fields, index);
        }
        true
    }

    /// Sets the fields that mark a row as deleted; false when there is none with this id.
    pub(super) fn bin(&mut self, id: &str, changes: Record) -> bool {
        let done = self.update(id, changes);
        self.binned += usize::from(done);
        done
    }

    /// How many rows are not in the recycle bin.
    pub(super) fn live(&self) -> usize {
        self.rows.len() - self.binned
    }

    /// The rows whose `field` may equal `value`: those of the index when `field` has one
    /// (letter case is ignored), else all.
    pub(super) fn candidates(&self, hint: Option<(&str, &str)>) -> Vec<&Record> {
        let indexes = match hint {
            Some((field, value)) if field == self.key_field => {
                self.by_key.get(&fold(value)).cloned().unwrap_or_default()
            }
            Some((field, value)) if field == self.id_field => self
                .by_id
                .get(&fold_id(value))
                .copied()
                .into_iter()
                .collect(),
            _ => return self.rows().collect(),
        };
        indexes
            .iter()
            .filter_map(|index| self.rows.get(*index))
            .map(|row| &row.fields)
            .collect()
    }

    fn index_key(&mut self, fields: &Record, index: usize) {
        let key = fold(text(fields, &self.key_field));
        if !key.is_empty() {
            self.by_key.entry(key).or_default().push(index);
        }
    }
}

/// A field as text; empty when it is absent or no text.
pub(super) fn text<'a>(fields: &'a Record, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn fold(value: &str) -> String {
    value.to_lowercase()
}

/// Ids of 18 characters are the same as their first 15.
fn fold_id(id: &str) -> String {
    let kept = if id.len() == 18 {
        id.get(..15).unwrap_or(id)
    } else {
        id
    };
    fold(kept)
}

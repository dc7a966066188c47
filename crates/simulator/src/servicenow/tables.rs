//! The rows of every table, in memory.
//!
//! Imports only what is there from the start. Must not know HTTP.

use std::borrow::Cow;
use std::collections::HashMap;

use super::row::{Row, row, text};
use super::seed::seed;

/// An entry of a journal field.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Its own id.
    pub(super) id: String,
    /// The record it belongs to.
    pub(super) record: String,
    /// `work_notes` or `comments`.
    pub(super) element: String,
    /// Its text.
    pub(super) text: String,
    /// When it was written.
    pub(super) at: String,
    /// By whom.
    pub(super) by: String,
}

/// Every table.
#[derive(Debug)]
pub(super) struct Tables {
    incidents: Vec<Row>,
    by_id: HashMap<String, usize>,
    journal: HashMap<String, Vec<Entry>>,
    seeded: HashMap<&'static str, Vec<Row>>,
    last_number: u32,
}

impl Tables {
    /// The tables of a fresh instance.
    pub(super) fn new() -> Self {
        Self {
            incidents: Vec::new(),
            by_id: HashMap::new(),
            journal: HashMap::new(),
            seeded: seed(),
            last_number: 10_000,
        }
    }

    /// The incidents, oldest first.
    pub(super) fn incidents(&self) -> &[Row] {
        &self.incidents
    }

    /// The incident with this id.
    pub(super) fn incident(&self, id: &str) -> Option<&Row> {
        self.incidents.get(*self.by_id.get(id)?)
    }

    /// The id of the incident with this id or number.
    pub(super) fn incident_id(&self, id_or_number: &str) -> Option<String> {
        if self.by_id.contains_key(id_or_number) {
            return Some(id_or_number.to_owned());
        }
        let row = self
            .incidents
            .iter()
            .find(|row| text(row, "number") == id_or_number)?;
        Some(text(row, "sys_id").to_owned())
    }

    /// Adds an incident under its `sys_id`.
    pub(super) fn insert(&mut self, row: Row) {
        self.by_id
            .insert(text(&row, "sys_id").to_owned(), self.incidents.len());
        self.incidents.push(row);
    }

    /// Puts a changed incident in the place of the one with its `sys_id`.
    pub(super) fn replace(&mut self, row: Row) {
        if let Some(old) = self
            .by_id
            .get(text(&row, "sys_id"))
            .and_then(|index| self.incidents.get_mut(*index))
        {
            *old = row;
        }
    }

    /// Removes an incident and its journal.
    pub(super) fn remove(&mut self, id: &str) {
        self.incidents.retain(|row| text(row, "sys_id") != id);
        self.journal.remove(id);
        self.by_id = self
            .incidents
            .iter()
            .enumerate()
            .map(|(index, row)| (text(row, "sys_id").to_owned(), index))
            .collect();
    }

    /// The next number: `INC0010001` and up.
    pub(super) fn next_number(&mut self) -> String {
        self.last_number += 1;
        format!("INC{:07}", self.last_number)
    }

    /// Adds an entry to a journal field.
    pub(super) fn note(&mut self, entry: Entry) {
        self.journal
            .entry(entry.record.clone())
            .or_default()
            .push(entry);
    }

    /// The entries of one field of a record, oldest first.
    pub(super) fn entries<'a>(
        &'a self,
        record: &str,
        element: &'a str,
    ) -> impl DoubleEndedIterator<Item = &'a Entry> {
        self.journal
            .get(record)
            .into_iter()
            .flatten()
            .filter(move |entry| entry.element == element)
    }

    /// The rows of `table`.
    pub(super) fn rows(&self, table: &str) -> Cow<'_, [Row]> {
        match table {
            "incident" => Cow::Borrowed(&self.incidents),
            "sys_journal_field" => self.journal.values().flatten().map(journal_row).collect(),
            _ => Cow::Borrowed(self.seeded.get(table).map_or(&[], Vec::as_slice)),
        }
    }

    /// Sets a system property that is there.
    pub(super) fn set_property(&mut self, name: &str, value: &str) {
        let properties = self.seeded.get_mut("sys_properties").into_iter().flatten();
        for row in properties.filter(|row| text(row, "name") == name) {
            row.insert("value".to_owned(), value.to_owned());
        }
    }

    /// Whether `table` has a record with this id.
    pub(super) fn has(&self, table: &str, id: &str) -> bool {
        match table {
            "incident" => self.by_id.contains_key(id),
            _ => self
                .seeded
                .get(table)
                .is_some_and(|rows| rows.iter().any(|row| text(row, "sys_id") == id)),
        }
    }

    /// The id of the record of `table` that people know by `name`.
    pub(super) fn id_of(&self, table: &str, name: &str) -> Option<String> {
        if table == "incident" {
            return self.incident_id(name);
        }
        let row = self
            .seeded
            .get(table)?
            .iter()
            .find(|row| text(row, "name") == name || text(row, "user_name") == name)?;
        Some(text(row, "sys_id").to_owned())
    }

    /// What people see of a reference to the record `id` of `table`.
    pub(super) fn name_of(&self, table: &str, id: &str) -> String {
        let (row, column) = match table {
            "incident" => (self.incident(id), "number"),
            _ => (
                self.seeded
                    .get(table)
                    .and_then(|rows| rows.iter().find(|row| text(row, "sys_id") == id)),
                "name",
            ),
        };
        row.map_or_else(String::new, |row| text(row, column).to_owned())
    }
}

fn journal_row(entry: &Entry) -> Row {
    row(&[
        ("sys_id", &entry.id),
        ("name", "incident"),
        ("element_id", &entry.record),
        ("element", &entry.element),
        ("value", &entry.text),
        ("sys_created_on", &entry.at),
        ("sys_created_by", &entry.by),
    ])
}

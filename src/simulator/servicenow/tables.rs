//! The rows of every table, in memory, and those that are there from the start.
//!
//! Imports only the schema. Must not know HTTP.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::schema::{self, Kind};
use crate::simulator::USERNAME;

/// A record: every value is a text, as on the wire.
pub(super) type Row = BTreeMap<String, String>;

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
    pub(super) fn rows(&self, table: &str) -> Vec<Row> {
        match table {
            "incident" => self.incidents.clone(),
            "sys_journal_field" => self.journal.values().flatten().map(journal_row).collect(),
            _ => self.seeded.get(table).cloned().unwrap_or_default(),
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

/// A value of `row`; empty where it has none.
pub(super) fn text<'row>(row: &'row Row, column: &str) -> &'row str {
    row.get(column).map_or("", String::as_str)
}

/// An id of the instance's own.
pub(super) fn new_id() -> String {
    Uuid::new_v4().simple().to_string()
}

/// The id of a seeded record: the same in every run.
fn seeded_id(table: &str, number: usize) -> String {
    let sum = table.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{sum:016x}{number:016x}")
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

fn row(values: &[(&str, &str)]) -> Row {
    values
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn seed() -> HashMap<&'static str, Vec<Row>> {
    let named = |names: &[&str]| {
        names
            .iter()
            .map(|name| row(&[("name", name), ("active", "true")]))
            .collect()
    };
    let mut tables: HashMap<&'static str, Vec<Row>> = HashMap::from([
        ("sys_user", users()),
        (
            "sys_user_group",
            named(&["Telephony Operations", "Service Desk", "Network"]),
        ),
        ("cmdb_ci", named(&["Edge Berlin 1", "Edge Berlin 2"])),
        ("cmdb_ci_service", named(&["Contact Centre Telephony"])),
        ("service_offering", named(&["Contact Centre Telephony"])),
        ("core_company", named(&["Example Company"])),
        ("cmn_location", named(&["Berlin"])),
        ("sys_dictionary", dictionary()),
        ("sys_choice", choices()),
        ("sys_properties", properties()),
    ]);
    for (table, rows) in &mut tables {
        for (number, row) in rows.iter_mut().enumerate() {
            row.insert("sys_id".to_owned(), seeded_id(table, number + 1));
        }
    }
    tables
}

fn users() -> Vec<Row> {
    [
        (USERNAME, "Ringdown Integration"),
        ("agent", "Abel Agent"),
        ("admin", "System Administrator"),
    ]
    .iter()
    .map(|(user, name)| {
        row(&[
            ("user_name", user),
            ("name", name),
            ("email", &format!("{user}@example.com")),
            ("active", "true"),
            ("locked_out", "false"),
            ("time_zone", "GMT"),
            ("web_service_access_only", "false"),
        ])
    })
    .collect()
}

/// Columns that `incident` has of its own; it inherits the others from `task`.
const OF_INCIDENT: [&str; 8] = [
    "incident_state",
    "severity",
    "category",
    "subcategory",
    "caller_id",
    "parent_incident",
    "hold_reason",
    "reopen_count",
];

fn table_of(column: &str) -> &'static str {
    if OF_INCIDENT.contains(&column) {
        "incident"
    } else {
        "task"
    }
}

fn dictionary() -> Vec<Row> {
    let describe = |column: &schema::Column| {
        let (internal_type, length, reference) = match column.kind {
            Kind::Text(0) => ("string", 4000, ""),
            Kind::Text(length) => ("string", length, ""),
            Kind::Choice(_) => ("string", 40, ""),
            Kind::Reference(table) => ("reference", 32, table),
            Kind::Journal => ("journal_input", 4000, ""),
            Kind::Own => ("string", 40, ""),
        };
        row(&[
            ("name", table_of(column.name)),
            ("element", column.name),
            ("column_label", column.label),
            ("internal_type", internal_type),
            ("max_length", &length.to_string()),
            ("reference", reference),
            ("mandatory", "false"),
            ("active", "true"),
            ("array", "false"),
            (
                "read_only",
                if column.kind == Kind::Own {
                    "true"
                } else {
                    "false"
                },
            ),
        ])
    };
    schema::INCIDENT.iter().map(describe).collect()
}

fn choices() -> Vec<Row> {
    let of_column = |column: &'static schema::Column| {
        let choices = match column.kind {
            Kind::Choice(choices) => choices,
            _ => &[],
        };
        choices.iter().map(|(value, label)| {
            row(&[
                (
                    "name",
                    if column.name == "state" {
                        "incident"
                    } else {
                        table_of(column.name)
                    },
                ),
                ("element", column.name),
                ("value", value),
                ("label", label),
                ("dependent_value", ""),
                ("language", "en"),
                ("inactive", "false"),
            ])
        })
    };
    schema::INCIDENT.iter().flat_map(of_column).collect()
}

fn properties() -> Vec<Row> {
    [
        ("glide.buildname", "Australia"),
        ("glide.rest.table_api.admin_only_sys_fields", "false"),
        ("glide.invalid_query.returns_no_rows", "false"),
        ("glide.rest.choice.allow_non_existing_value", "false"),
    ]
    .iter()
    .map(|(name, value)| row(&[("name", name), ("value", value)]))
    .collect()
}

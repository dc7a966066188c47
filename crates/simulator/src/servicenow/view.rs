//! A record as the API shows it: raw, as people see it, or both.
//!
//! Imports nothing of ours outside this simulator.

use serde_json::{Map, Value, json};

use super::row::{Row, text};
use super::schema::{self, Column, Kind};
use super::tables::{Entry, Tables};
use crate::wire::Request;

/// `sysparm_display_value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Raw,
    Display,
    Both,
}

/// How to show records, by the parameters of a request.
#[derive(Debug, Clone)]
pub(super) struct View {
    shown: Shown,
    links: bool,
    fields: Vec<String>,
    origin: String,
    version: String,
}

impl View {
    /// As `request` wants it; `version` is `""` or ends with a slash.
    pub(super) fn of(request: &Request, version: &str) -> Self {
        let parameter = |name: &str| request.query.get(name).map_or("", String::as_str);
        Self {
            shown: match parameter("sysparm_display_value") {
                "true" => Shown::Display,
                "all" => Shown::Both,
                _ => Shown::Raw,
            },
            links: parameter("sysparm_exclude_reference_link") != "true",
            fields: parameter("sysparm_fields")
                .split(',')
                .map(|field| field.trim().to_owned())
                .filter(|field| !field.is_empty())
                .collect(),
            origin: request.origin.clone(),
            version: version.to_owned(),
        }
    }

    /// The address of a record.
    pub(super) fn address(&self, table: &str, id: &str) -> String {
        format!("{}/api/now/{}table/{table}/{id}", self.origin, self.version)
    }

    /// `row` of `table`. Fields that it does not have are left out without a word.
    pub(super) fn record(&self, tables: &Tables, table: &str, row: &Row) -> Value {
        let columns = schema::columns(table).unwrap_or_default();
        let wanted = |column: &&Column| {
            let is_own = !column.name.contains('.');
            self.fields.iter().any(|field| field == column.name)
                || (self.fields.is_empty() && is_own)
        };
        let fields: Map<String, Value> = columns
            .iter()
            .filter(wanted)
            .map(|column| (column.name.to_owned(), self.value(tables, row, column)))
            .collect();
        Value::Object(fields)
    }

    fn value(&self, tables: &Tables, row: &Row, column: &Column) -> Value {
        let raw = text(row, column.name);
        match self.shown {
            Shown::Raw => match column.kind {
                Kind::Reference(table) if self.links && !raw.is_empty() => {
                    json!({"link": self.address(table, raw), "value": raw})
                }
                _ => Value::from(raw),
            },
            Shown::Display => {
                let display = display(tables, row, column);
                match column.kind {
                    Kind::Reference(table) if self.links && !raw.is_empty() => {
                        json!({"display_value": display, "link": self.address(table, raw)})
                    }
                    _ => Value::from(display),
                }
            }
            Shown::Both => {
                let mut both = json!({"display_value": display(tables, row, column), "value": raw});
                if let Kind::Reference(table) = column.kind
                    && self.links
                    && !raw.is_empty()
                {
                    both["link"] = Value::from(self.address(table, raw));
                }
                both
            }
        }
    }
}

/// What people see in `column` of `row`.
fn display(tables: &Tables, row: &Row, column: &Column) -> String {
    let raw = text(row, column.name);
    match column.kind {
        Kind::Journal => journal(tables, text(row, "sys_id"), column),
        Kind::Reference(table) => tables.name_of(table, raw),
        _ => schema::label(column, raw).unwrap_or(raw).to_owned(),
    }
}

/// The entries, newest first, as one text.
fn journal(tables: &Tables, record: &str, column: &Column) -> String {
    tables
        .entries(record, column.name)
        .rev()
        .map(|entry| {
            let Entry { at, by, text, .. } = entry;
            format!("{at} - {by} ({})\n{text}\n\n", column.label)
        })
        .collect()
}

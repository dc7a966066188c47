//! The records that a fresh instance has: people, groups, columns, choices, properties.
//!
//! Imports only the schema and the rows.

use std::collections::HashMap;

use super::row::{Row, row};
use super::schema::{self, Kind};
use crate::credentials::USERNAME;

/// Every seeded table by its name.
pub(super) fn seed() -> HashMap<&'static str, Vec<Row>> {
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
        ("sys_db_object", objects()),
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
    let describe = |table: &str, column: &schema::Column| {
        let (internal_type, length, reference) = match column.kind {
            Kind::Text(0) => ("string", 4000, ""),
            Kind::Text(length) => ("string", length, ""),
            Kind::Choice(_) => ("string", 40, ""),
            Kind::Reference(table) => ("reference", 32, table),
            Kind::Journal => ("journal_input", 4000, ""),
            Kind::Own => ("string", 40, ""),
        };
        row(&[
            ("name", table),
            ("element", column.name),
            ("column_label", column.label),
            ("internal_type", internal_type),
            ("max_length", &length.to_string()),
            ("reference", reference),
            ("mandatory", "false"),
            ("active", "true"),
            ("array", "false"),
            ("default_value", schema::default_value(column.name)),
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
    let inherited = schema::INCIDENT;
    let inherited = inherited
        .iter()
        .map(|column| describe(table_of(column.name), column));
    let (name, label) = schema::CARRIER;
    let carrier = schema::Column {
        name,
        label,
        kind: Kind::Text(40),
    };
    let tables = TABLES.iter().map(|(table, _)| {
        row(&[
            ("name", table),
            ("element", ""),
            ("internal_type", "collection"),
            ("active", "true"),
        ])
    });
    let own = [describe(schema::VOICE_INCIDENT, &carrier)];
    tables.chain(inherited).chain(own).collect()
}

/// Tables of tickets, each with what it extends.
const TABLES: [(&str, &str); 3] = [
    ("task", ""),
    ("incident", "task"),
    (schema::VOICE_INCIDENT, "incident"),
];

fn objects() -> Vec<Row> {
    let id = |table: &str| match TABLES.iter().position(|(name, _)| *name == table) {
        Some(place) => seeded_id("sys_db_object", place + 1),
        None => String::new(),
    };
    let object = |(name, parent): &(&str, &str)| {
        row(&[
            ("name", name),
            ("label", name),
            ("super_class", &id(parent)),
            ("super_class.name", parent),
        ])
    };
    TABLES.iter().map(object).collect()
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

/// The id of a seeded record: the same in every run.
fn seeded_id(table: &str, number: usize) -> String {
    let sum = table.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{sum:016x}{number:016x}")
}

//! What the instance does with a write to an incident, in its order: access, the id, fields
//! dropped without a word, cuts, policies, rules, defaults, and only then the commit.
//!
//! Imports nothing of ours outside this simulator. Must not know HTTP.

use serde_json::{Map, Value};

use super::failure::Failure;
use super::policies;
use super::row::{Row, new_id, text};
use super::schema::{self, Column, Kind};
use super::state::State;
use super::switches::SysIdMode;
use super::tables::Entry;

/// A write, and who makes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Write<'body> {
    /// The fields.
    pub(super) body: &'body Map<String, Value>,
    /// Names and labels are taken for ids and values.
    pub(super) display_input: bool,
    /// The user.
    pub(super) user: &'static str,
}

/// The time as it stands in a record: UTC, to the second.
pub(super) fn now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}

/// Whether nobody but an administrator may change a record in this state any more.
pub(super) fn is_closed(state: &str) -> bool {
    matches!(state, "7" | "8")
}

impl State {
    /// Inserts an incident; its id.
    ///
    /// # Errors
    ///
    /// The refusal, as the instance words it.
    pub(super) fn insert(&mut self, write: Write<'_>) -> Result<String, Failure> {
        if !self.switches.may_create || self.switches.roles_lost {
            return Err(Failure::acl("Insert"));
        }
        let id = self.id_for(write.body)?;
        let mut row = self.blank();
        row.insert("sys_id".to_owned(), id.clone());
        let notes = self.apply(&mut row, write);
        self.check(&Row::new(), &row)?;
        if let Some(refusal) = self.twin(&row) {
            return Err(refusal);
        }
        let number = self.tables.next_number();
        stamp_new(&mut row, number, write.user);
        derive(&Row::new(), &mut row, write.user);
        self.tables.insert(row);
        self.note(&id, notes, write.user);
        self.run_business_rule(&id, "insert");
        Ok(id)
    }

    /// Changes the incident `id`.
    ///
    /// # Errors
    ///
    /// The refusal, as the instance words it.
    pub(super) fn update(&mut self, id: &str, write: Write<'_>) -> Result<(), Failure> {
        let old = self
            .tables
            .incident(id)
            .cloned()
            .ok_or_else(Failure::no_record)?;
        let is_settled = is_closed(text(&old, "state")) && !self.switches.itil_admin;
        if !self.switches.may_write || self.switches.roles_lost || is_settled {
            return Err(Failure::acl("Update"));
        }
        let mut row = old.clone();
        let notes = self.apply(&mut row, write);
        self.check(&old, &row)?;
        self.commit(&old, row, notes, write.user);
        Ok(())
    }

    /// Changes an incident as a person at the screen does: nothing is dropped or refused.
    pub(super) fn change_by_hand(&mut self, id: &str, fields: &Map<String, Value>) -> bool {
        let Some(old) = self.tables.incident(id).cloned() else {
            return false;
        };
        let mut row = old.clone();
        let mut notes = Vec::new();
        for (name, value) in fields {
            let Some(value) = plain(value) else { continue };
            match schema::incident_column(name).map(|column| column.kind) {
                Some(Kind::Journal) => notes.push((name.clone(), value)),
                Some(_) if name != "sys_id" => {
                    row.insert(name.clone(), value);
                }
                _ => {}
            }
        }
        self.commit(&old, row, notes, "agent");
        true
    }

    fn commit(&mut self, old: &Row, mut row: Row, notes: Vec<(String, String)>, user: &str) {
        derive(old, &mut row, user);
        if row == *old && notes.is_empty() {
            return;
        }
        let count = text(old, "sys_mod_count").parse::<u64>().unwrap_or(0) + 1;
        set(&mut row, "sys_mod_count", &count.to_string());
        set(&mut row, "sys_updated_on", &now());
        set(&mut row, "sys_updated_by", user);
        let id = text(&row, "sys_id").to_owned();
        self.tables.replace(row);
        self.note(&id, notes, user);
        self.run_business_rule(&id, "update");
    }

    fn note(&mut self, record: &str, notes: Vec<(String, String)>, user: &str) {
        for (element, text) in notes {
            self.tables.note(Entry {
                id: new_id(),
                record: record.to_owned(),
                element,
                text,
                at: now(),
                by: user.to_owned(),
            });
        }
    }

    /// The id that the new record gets.
    fn id_for(&self, body: &Map<String, Value>) -> Result<String, Failure> {
        let chosen = body.get("sys_id").and_then(plain).unwrap_or_default();
        let is_id = chosen.len() == 32 && chosen.bytes().all(|byte| byte.is_ascii_hexdigit());
        match self.switches.sys_id_mode {
            _ if chosen.is_empty() => Ok(new_id()),
            SysIdMode::Forbidden => Err(Failure::acl("Insert")),
            SysIdMode::Ignored => Ok(new_id()),
            SysIdMode::Honoured if !is_id => Ok(new_id()),
            SysIdMode::Honoured if self.tables.has("incident", &chosen) => {
                Err(self.duplicate(&chosen, "PRIMARY"))
            }
            SysIdMode::Honoured => Ok(chosen),
        }
    }

    fn blank(&self) -> Row {
        let mut row: Row = schema::INCIDENT
            .iter()
            .filter(|column| column.kind != Kind::Journal)
            .map(|column| {
                let value = schema::default_value(column.name);
                (column.name.to_owned(), value.to_owned())
            })
            .collect();
        let caller = self.tables.id_of("sys_user", crate::credentials::USERNAME);
        set(&mut row, "sys_class_name", "incident");
        set(&mut row, "opened_by", caller.as_deref().unwrap_or_default());
        row
    }

    /// Sets the fields that can be set and drops the others; the notes to add.
    fn apply(&self, row: &mut Row, write: Write<'_>) -> Vec<(String, String)> {
        let mut notes = Vec::new();
        for (name, value) in write.body {
            let name = match name.as_str() {
                "incident_state" if !write.body.contains_key("state") => "state",
                other => other,
            };
            let column = schema::incident_column(name).filter(|column| {
                !self
                    .switches
                    .unwritable_fields
                    .contains(&column.name.to_owned())
            });
            let (Some(column), Some(value)) = (column, plain(value)) else {
                continue;
            };
            if column.kind == Kind::Journal {
                if !value.is_empty() {
                    notes.push((name.to_owned(), value));
                }
            } else if let Some(value) = self.accepted(column, value, write.display_input) {
                set(row, name, &value);
            }
        }
        notes
    }

    /// The value as it is stored; `None` when it is dropped.
    fn accepted(&self, column: &Column, value: String, display_input: bool) -> Option<String> {
        match column.kind {
            Kind::Own | Kind::Journal => None,
            Kind::Text(0) if !self.switches.field_lengths.contains_key(column.name) => Some(value),
            Kind::Text(length) => {
                let set = self.switches.field_lengths.get(column.name);
                Some(value.chars().take(*set.unwrap_or(&length)).collect())
            }
            Kind::Choice(choices) => {
                let by_label = choices
                    .iter()
                    .find(|(_, label)| display_input && *label == value);
                let known = choices.iter().find(|(choice, _)| *choice == value);
                match by_label.or(known) {
                    Some((choice, _)) => Some((*choice).to_owned()),
                    None if value.is_empty() => None,
                    None => self.switches.allow_unknown_choices.then_some(value),
                }
            }
            Kind::Reference(_) if value.is_empty() => Some(value),
            Kind::Reference(table) if self.tables.has(table, &value) => Some(value),
            Kind::Reference(table) if display_input => self.tables.id_of(table, &value),
            Kind::Reference(_) => None,
        }
    }

    fn check(&self, old: &Row, row: &Row) -> Result<(), Failure> {
        let state = text(row, "state");
        if state == "7" && text(old, "state") != "7" && !self.switches.itil_admin {
            return Err(Failure::acl(if old.is_empty() {
                "Insert"
            } else {
                "Update"
            }));
        }
        let missing = self.missing(row);
        if !missing.is_empty() {
            return Err(Failure::data_policy(&missing));
        }
        match self.switches.business_rule.as_str() {
            "" => Ok(()),
            rule => Err(Failure::business_rule(rule)),
        }
    }

    /// Labels of the fields that the data policies want and the record lacks.
    fn missing(&self, row: &Row) -> Vec<&str> {
        let policies = policies::in_force(&self.switches);
        let wanted = policies
            .into_iter()
            .filter(|policy| policy.concerns(text(row, "state")))
            .flat_map(|policy| policy.fields);
        wanted
            .filter(|name| text(row, name).is_empty())
            .filter_map(|name| Some(schema::incident_column(&name)?.label))
            .collect()
    }

    /// The refusal of a value that another record has in a unique column.
    fn twin(&self, row: &Row) -> Option<Failure> {
        let name = self.switches.unique_fields.iter().find(|name| {
            let value = text(row, name);
            let is_same = |other: &Row| text(other, name).eq_ignore_ascii_case(value);
            !value.is_empty() && self.tables.incidents().iter().any(is_same)
        })?;
        Some(self.duplicate(text(row, name), name))
    }

    fn duplicate(&self, value: &str, index: &str) -> Failure {
        Failure::new(
            self.switches.duplicate_status,
            "Operation Failed",
            format!(
                "Unique Key violation detected by database (Duplicate entry '{value}' for key \
                 '{index}')"
            ),
        )
    }
}

/// The text of a JSON value as the instance stores it; `None` for what it cannot store.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Object(reference) => reference.get("value")?.as_str().map(str::to_owned),
        Value::Array(_) => None,
    }
}

fn set(row: &mut Row, name: &str, value: &str) {
    row.insert(name.to_owned(), value.to_owned());
}

fn stamp_new(row: &mut Row, number: String, user: &str) {
    let now = now();
    set(row, "number", &number);
    set(row, "sys_mod_count", "0");
    for name in ["opened_at", "sys_created_on", "sys_updated_on"] {
        set(row, name, &now);
    }
    set(row, "sys_created_by", user);
    set(row, "sys_updated_by", user);
}

/// Sets what follows from the other fields.
fn derive(old: &Row, row: &mut Row, user: &str) {
    let state = text(row, "state").to_owned();
    let before = text(old, "state");
    set(row, "incident_state", &state);
    set(
        row,
        "active",
        if is_closed(&state) { "false" } else { "true" },
    );
    let priority = priority(text(row, "impact"), text(row, "urgency"));
    set(row, "priority", priority);
    let moved = before != state;
    if moved && matches!(state.as_str(), "6" | "7") && text(row, "resolved_at").is_empty() {
        set(row, "resolved_at", &now());
        set(row, "resolved_by", user);
    }
    if moved && is_closed(&state) {
        set(row, "closed_at", &now());
        set(row, "closed_by", user);
    }
    if moved && before == "6" && matches!(state.as_str(), "1" | "2" | "3") {
        let count = text(row, "reopen_count").parse::<u64>().unwrap_or(0) + 1;
        set(row, "reopen_count", &count.to_string());
        set(row, "reopened_time", &now());
        set(row, "resolved_at", "");
        set(row, "resolved_by", "");
    }
}

/// The base instance's look-up of the priority.
fn priority(impact: &str, urgency: &str) -> &'static str {
    match (impact, urgency) {
        ("1", "1") => "1",
        ("1", "2") | ("2", "1") => "2",
        ("1", "3") | ("2", "2") | ("3", "1") => "3",
        ("2", "3") | ("3", "2") => "4",
        _ => "5",
    }
}

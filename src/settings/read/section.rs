//! One table and the keys that were read of it.
//!
//! A read that gives `None` has noted why.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::entry::Entry;
use super::fault::Fault;
use super::reading::{BUILT_IN, Reading, join};
use crate::rules::nearest;
use crate::settings::problem::Mark;
use crate::settings::value::{Table, Value, ValueKind};

/// One table, with the keys that can be in it.
pub(crate) struct Section<'a> {
    pub(crate) reading: &'a Reading<'a>,
    pub(crate) path: String,
    table: Table,
    known: RefCell<BTreeSet<&'static str>>,
    /// Required keys that are not there.
    missing: RefCell<Vec<String>>,
}

impl<'a> Section<'a> {
    pub(crate) fn new(reading: &'a Reading<'a>, path: impl Into<String>, table: Table) -> Self {
        Self {
            reading,
            path: path.into(),
            table,
            known: RefCell::default(),
            missing: RefCell::default(),
        }
    }

    /// The table in `entry`.
    pub(crate) fn of(entry: &Entry<'a>) -> Option<Self> {
        match entry.table() {
            Ok(table) => Some(Self::new(entry.reading, entry.path.clone(), table)),
            Err(fault) => {
                entry.fault(fault);
                None
            }
        }
    }

    /// The value of `key`, where it is set.
    pub(crate) fn entry(&self, key: &'static str) -> Option<Entry<'a>> {
        self.known.borrow_mut().insert(key);
        let value = self.table.get(key)?.clone();
        Some(self.entry_of(key, value))
    }

    /// The built-in value of `key`.
    pub(crate) fn built_in(&self, key: &'static str, default: impl Into<ValueKind>) -> Entry<'a> {
        self.entry_of(key, Value::new(BUILT_IN, default))
    }

    /// All entries of this table, whose names the user chose.
    pub(crate) fn named_entries(&self) -> Vec<(String, Entry<'a>)> {
        self.table
            .iter()
            .map(|(name, value)| (name.clone(), self.entry_of(name, value.clone())))
            .collect()
    }

    /// The name that the user gave to this table.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or_default()
    }

    /// Notes every unknown key, with the nearest one that exists, and every required key that is not
    /// there. One that is there under a mistyped name is noted once.
    pub(crate) fn finish(&self) {
        let known = self.known.borrow();
        let mut meant = Vec::new();
        for (key, value) in &self.table {
            if !known.contains(key.as_str()) {
                let nearest = nearest(key, known.iter().copied());
                meant.extend(nearest);
                let list = known.iter().copied().collect::<Vec<_>>().join(", ");
                let fault = Fault {
                    mark: Mark::Key,
                    ..Fault::suggesting(format!("unknown key; known here: {list}"), nearest)
                };
                let path = join(&self.path, key);
                self.reading.problem(&path, fault, value.origin());
            }
        }
        for key in self.missing.take() {
            if !meant.contains(&key.as_str()) {
                self.fault(&key, Fault::from("required, but not set"));
            }
        }
    }

    pub(crate) fn is_set(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The value of `key`, for the default of another key.
    pub(crate) fn peek(&self, key: &str) -> Option<Entry<'a>> {
        Some(self.entry_of(key, self.table.get(key)?.clone()))
    }

    /// Where `key` was set, for problems that concern several keys.
    pub(crate) fn origin(&self, key: &str) -> Option<&str> {
        self.table.get(key).and_then(Value::origin)
    }

    /// Notes a problem with `key`.
    pub(crate) fn fault(&self, key: &str, fault: impl Into<Fault>) {
        let path = join(&self.path, key);
        self.reading.problem(&path, fault.into(), self.origin(key));
    }

    /// Notes a warning on `key`.
    pub(crate) fn warn(&self, key: &str, reason: impl Into<String>) {
        let path = join(&self.path, key);
        self.reading.warn(&path, reason, self.origin(key));
    }

    /// Notes that `key` has neither a value nor a default.
    pub(crate) fn unset(&self, key: &str) {
        let path = join(&self.path, key);
        self.reading
            .in_effect(&path, "(not set)".to_owned(), BUILT_IN);
    }

    /// A required key is not there. [`finish`](Self::finish) says so.
    pub(crate) fn missing<T>(&self, key: &str) -> Option<T> {
        self.missing.borrow_mut().push(key.to_owned());
        None
    }

    pub(crate) fn entry_of(&self, key: &str, value: Value) -> Entry<'a> {
        Entry::new(self.reading, join(&self.path, key), value)
    }
}

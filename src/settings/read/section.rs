//! A small typed reader over merged values: asks for keys by name and type, and notes every
//! problem, every value in effect and every key that nobody asked for.
//!
//! A read that gives `None` has noted why. Must not know which keys there are.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use config::{Value, ValueKind};

use super::entry::{Entry, Fault};
use super::{join, origin_within};
use crate::rules::nearest;
use crate::settings::CrmProfile;
use crate::settings::layers::Table;
use crate::settings::problem::{EffectiveValue, Problem, Warning};

/// The layer of values that nobody set.
pub(super) const BUILT_IN: &str = "built-in";

/// What reading found out.
#[derive(Debug, Default)]
pub(in crate::settings) struct Findings {
    pub(in crate::settings) problems: Vec<Problem>,
    pub(in crate::settings) warnings: Vec<Warning>,
    pub(in crate::settings) effective: Vec<EffectiveValue>,
}

/// What all sections of one reading share.
pub(super) struct Walk<'a> {
    /// What `{ env = "NAME" }` reads.
    pub(super) environment: &'a BTreeMap<String, String>,
    /// The files, in the order in which they are laid over each other.
    pub(super) files: &'a [String],
    pub(super) crms: &'a [&'static CrmProfile],
    pub(super) findings: RefCell<Findings>,
}

impl Walk<'_> {
    pub(super) fn problem(&self, path: &str, fault: Fault, layer: Option<&str>) {
        self.findings.borrow_mut().problems.push(Problem {
            path: path.to_owned(),
            reason: fault.reason,
            suggestion: fault.suggestion,
            layer: layer.map(str::to_owned),
        });
    }

    pub(super) fn warn(&self, path: &str, reason: impl Into<String>, layer: Option<&str>) {
        self.findings.borrow_mut().warnings.push(Warning {
            path: path.to_owned(),
            reason: reason.into(),
            layer: layer.map(str::to_owned),
        });
    }

    pub(super) fn in_effect(&self, path: &str, shown: String, layer: &str) {
        self.findings.borrow_mut().effective.push(EffectiveValue {
            path: path.to_owned(),
            shown,
            layer: layer.to_owned(),
        });
    }

    /// How late the layer of `origin` stands: a file's place, or after all files.
    pub(super) fn rank(&self, origin: Option<&str>) -> usize {
        let file = origin.and_then(|origin| origin.rsplit_once(" line "));
        file.and_then(|(name, _)| self.files.iter().rposition(|file| file == name))
            .unwrap_or(self.files.len())
    }
}

/// One table, with the keys that were asked for.
pub(super) struct Section<'a> {
    pub(super) walk: &'a Walk<'a>,
    pub(super) path: String,
    table: Table,
    asked: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Section<'a> {
    pub(super) fn new(walk: &'a Walk<'a>, path: impl Into<String>, table: Table) -> Self {
        Self {
            walk,
            path: path.into(),
            table,
            asked: RefCell::default(),
        }
    }

    /// The value of `key`, where it is set.
    pub(super) fn entry(&self, key: &'static str) -> Option<Entry<'a>> {
        self.asked.borrow_mut().insert(key);
        let value = self.table.get(key)?.clone();
        Some(self.entry_of(key, value))
    }

    /// A key that must be set.
    pub(super) fn required<T>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&Entry<'a>) -> Result<T, Fault>,
    ) -> Option<T> {
        match self.entry(key) {
            Some(entry) => entry.read(parse),
            None => self.missing(key),
        }
    }

    /// A key with a default, which goes through the same `parse`.
    pub(super) fn or<T>(
        &self,
        key: &'static str,
        default: impl Into<ValueKind>,
        parse: impl FnOnce(&Entry<'a>) -> Result<T, Fault>,
    ) -> Option<T> {
        let entry = self.entry(key);
        let built_in = BUILT_IN.to_owned();
        entry
            .unwrap_or_else(|| self.entry_of(key, Value::new(Some(&built_in), default)))
            .read(parse)
    }

    /// A key that may be absent: `Some(None)` then.
    #[expect(
        clippy::option_option,
        reason = "outer: was it understood; inner: was it set"
    )]
    pub(super) fn optional<T>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&Entry<'a>) -> Result<T, Fault>,
    ) -> Option<Option<T>> {
        match self.entry(key) {
            Some(entry) => entry.read(parse).map(Some),
            None => {
                self.unset(key);
                Some(None)
            }
        }
    }

    /// The table at `key`; an empty one where it is not set.
    pub(super) fn child(&self, key: &'static str) -> Option<Section<'a>> {
        match self.entry(key) {
            Some(entry) => entry.section(),
            None => Some(Section::new(self.walk, join(&self.path, key), Table::new())),
        }
    }

    /// The tables under `key`, by names that the user chose.
    pub(super) fn named_children(&self, key: &'static str) -> Option<Vec<(String, Section<'a>)>> {
        let mut children = Vec::new();
        let mut understood = true;
        for (name, entry) in self.child(key)?.named_entries() {
            if let Err(fault) = check_name(&name) {
                entry.fault(fault);
            }
            match entry.section() {
                Some(section) => children.push((name, section)),
                None => understood = false,
            }
        }
        understood.then_some(children)
    }

    /// As [`Self::named_children`], but there must be one; `why` says what would be missing.
    pub(super) fn some_children(
        &self,
        key: &'static str,
        why: &str,
    ) -> Option<Vec<(String, Section<'a>)>> {
        let children = self.named_children(key)?;
        if children.is_empty() {
            let reason = format!("{why}; start from config/example.toml");
            self.walk.problem(key, reason.into(), None);
            return None;
        }
        Some(children)
    }

    /// All entries of this table, whose names the user chose.
    pub(super) fn named_entries(&self) -> Vec<(String, Entry<'a>)> {
        self.table
            .iter()
            .map(|(name, value)| (name.clone(), self.entry_of(name, value.clone())))
            .collect()
    }

    /// Notes every key that nobody asked for, with the nearest one that exists.
    pub(super) fn finish(&self) {
        let asked = self.asked.borrow();
        for (key, value) in &self.table {
            if !asked.contains(key.as_str()) {
                let known = asked.iter().copied().collect::<Vec<_>>().join(", ");
                let fault = Fault {
                    reason: format!("unknown key; known here: {known}"),
                    suggestion: nearest(key, asked.iter().copied()).map(str::to_owned),
                };
                let path = join(&self.path, key);
                self.walk.problem(&path, fault, origin_within(value));
            }
        }
    }

    pub(super) fn is_set(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Where `key` was set, for problems that concern several keys.
    pub(super) fn origin(&self, key: &str) -> Option<&str> {
        self.table.get(key).and_then(origin_within)
    }

    /// Notes a problem with `key`.
    pub(super) fn fault(&self, key: &str, fault: impl Into<Fault>) {
        let path = join(&self.path, key);
        self.walk.problem(&path, fault.into(), self.origin(key));
    }

    /// Notes a warning on `key`.
    pub(super) fn warn(&self, key: &str, reason: impl Into<String>) {
        let path = join(&self.path, key);
        self.walk.warn(&path, reason, self.origin(key));
    }

    /// Notes that `key` has neither a value nor a default.
    pub(super) fn unset(&self, key: &str) {
        let path = join(&self.path, key);
        self.walk.in_effect(&path, "(not set)".to_owned(), BUILT_IN);
    }

    pub(super) fn missing<T>(&self, key: &str) -> Option<T> {
        let path = join(&self.path, key);
        self.walk
            .problem(&path, "required, but not set".into(), None);
        None
    }

    fn entry_of(&self, key: &str, value: Value) -> Entry<'a> {
        Entry::new(self.walk, join(&self.path, key), value)
    }
}

/// Whether `name` can be part of a URL's path, a metric's label and a variable's name.
fn check_name(name: &str) -> Result<(), Fault> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
        return Err("a name has 1 to 64 letters, digits, - and _".into());
    }
    Ok(())
}

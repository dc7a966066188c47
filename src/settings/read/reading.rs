//! One reading of a configuration: what it needs, and the problems, warnings and values that it
//! has found so far.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::expressions::Expressions;
use super::fault::Fault;
use crate::settings::crm::CrmProfile;
use crate::settings::problem::{EffectiveValue, Problem};
use crate::settings::value::{Table, Value, ValueKind};

/// The origin of a value that no layer sets.
pub(crate) const BUILT_IN: &str = "built-in";

/// Everything that a reading has found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Problem>,
    pub(crate) effective: Vec<EffectiveValue>,
    /// Secrets that are not here, and for which a stand-in was taken.
    pub(crate) absent_secrets: Vec<String>,
}

/// What all sections of one reading share.
pub(crate) struct Reading<'a> {
    /// What `{ env = "NAME" }` reads.
    pub(crate) environment: &'a BTreeMap<String, String>,
    /// The files, in the order in which they are laid over each other.
    pub(crate) files: &'a [String],
    pub(crate) crms: &'a [&'static CrmProfile],
    /// Whether a secret may be absent.
    pub(crate) is_offline: bool,
    /// The whole merged configuration; `None` when a part of one is read.
    pub(crate) whole: Option<&'a Table>,
    pub(crate) expressions: Expressions,
    pub(crate) findings: RefCell<Findings>,
}

impl Reading<'_> {
    pub(crate) fn problem(&self, path: &str, fault: Fault, layer: Option<&str>) {
        self.findings.borrow_mut().problems.push(Problem {
            suggestion: fault.suggestion,
            help: fault.help,
            layer: layer.map(str::to_owned),
            mark: fault.mark,
            ..Problem::error(path, fault.reason)
        });
    }

    pub(crate) fn warn(&self, path: &str, reason: impl Into<String>, layer: Option<&str>) {
        self.findings.borrow_mut().warnings.push(Problem {
            layer: layer.map(str::to_owned),
            ..Problem::warning(path, reason)
        });
    }

    pub(crate) fn in_effect(&self, path: &str, shown: String, layer: &str) {
        self.findings.borrow_mut().effective.push(EffectiveValue {
            path: path.to_owned(),
            shown,
            layer: layer.to_owned(),
        });
    }

    /// Notes a secret that is not here, once.
    pub(crate) fn absent_secret(&self, name: String) {
        let absent = &mut self.findings.borrow_mut().absent_secrets;
        if !absent.contains(&name) {
            absent.push(name);
        }
    }

    /// The position of the layer of `origin`: a file's position, or after all files.
    pub(crate) fn rank(&self, origin: Option<&str>) -> usize {
        let file = origin.and_then(|origin| origin.rsplit_once(" line "));
        file.and_then(|(name, _)| self.files.iter().rposition(|file| file == name))
            .unwrap_or(self.files.len())
    }

    /// The value at `path`, as it was merged.
    pub(crate) fn value_at(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        let mut value = self.whole?.get(*first)?;
        for key in rest {
            value = value.as_table()?.get(*key)?;
        }
        Some(value)
    }

    /// The names that the user has given in `section`, also those of entries with problems.
    /// `None` when a part of a configuration is read: its names cannot be checked.
    pub(crate) fn names(&self, section: &str) -> Option<Vec<&str>> {
        let table = self.whole?.get(section).and_then(Value::as_table);
        let names = table.into_iter().flat_map(Table::keys);
        Some(names.map(String::as_str).collect())
    }

    /// The CRM of the target in which the key at `path` stands.
    pub(crate) fn crm_at(&self, path: &str) -> Option<&'static CrmProfile> {
        let target = path.strip_prefix("targets.")?.split('.').next()?;
        match &self.value_at(&["targets", target, "kind"])?.kind {
            ValueKind::String(kind) => self.crms.iter().copied().find(|crm| crm.name == kind),
            _ => None,
        }
    }
}

/// The path of `key` in the table at `path`, quoted where TOML wants it quoted.
pub(crate) fn join(path: &str, key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let bare = !key.is_empty() && key.chars().all(plain);
    let key = if bare {
        key.to_owned()
    } else {
        serde_json::Value::from(key).to_string()
    };
    if path.is_empty() {
        return key;
    }
    format!("{path}.{key}")
}

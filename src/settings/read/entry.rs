//! One merged value with its path, and the plain types it can be read as.
//!
//! A value that a variable set is text, whatever the key wants; it is taken apart here, where
//! the wanted type is known.

use config::{Value, ValueKind};

use super::section::{BUILT_IN, Section, Walk};
use crate::settings::layers::{self, Table};
use crate::settings::variables;

/// Why a value cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// What is wrong and what would be right.
    pub(super) reason: String,
    /// What was most likely meant.
    pub(super) suggestion: Option<String>,
}

impl Fault {
    pub(super) fn suggesting(
        reason: impl Into<String>,
        suggestion: Option<impl Into<String>>,
    ) -> Self {
        Self {
            reason: reason.into(),
            suggestion: suggestion.map(Into::into),
        }
    }
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self::suggesting(reason, None::<String>)
    }
}

impl From<&str> for Fault {
    fn from(reason: &str) -> Self {
        reason.to_owned().into()
    }
}

/// One value and where it stands.
pub(super) struct Entry<'a> {
    pub(super) walk: &'a Walk<'a>,
    pub(super) path: String,
    pub(super) value: Value,
}

impl<'a> Entry<'a> {
    pub(super) fn new(walk: &'a Walk<'a>, path: String, value: Value) -> Self {
        Self { walk, path, value }
    }

    /// Reads with `parse` and notes the value in effect, or the problem.
    pub(super) fn read<T>(&self, parse: impl FnOnce(&Self) -> Result<T, Fault>) -> Option<T> {
        match parse(self) {
            Ok(value) => {
                let layer = super::origin_within(&self.value).unwrap_or(BUILT_IN);
                self.walk.in_effect(&self.path, self.shown(), layer);
                Some(value)
            }
            Err(fault) => {
                self.fault(fault);
                None
            }
        }
    }

    /// Notes a problem with this value.
    pub(super) fn fault(&self, fault: Fault) {
        let layer = super::origin_within(&self.value);
        let layer = layer.filter(|layer| *layer != BUILT_IN);
        self.walk.problem(&self.path, fault, layer);
    }

    /// The text, which may not be empty.
    pub(super) fn text(&self) -> Result<&str, Fault> {
        match &self.value.kind {
            ValueKind::String(text) if text.trim().is_empty() => Err("may not be empty".into()),
            ValueKind::String(text) => Ok(text),
            other => Err(wrong_type("text in quotes", other)),
        }
    }

    pub(super) fn integer(&self) -> Result<i64, Fault> {
        match self.typed().kind {
            ValueKind::I64(number) => Ok(number),
            other => Err(wrong_type("a whole number", &other)),
        }
    }

    /// True or false.
    pub(super) fn flag(&self) -> Result<bool, Fault> {
        match self.typed().kind {
            ValueKind::Boolean(flag) => Ok(flag),
            other => Err(wrong_type("true or false", &other)),
        }
    }

    pub(super) fn number(&self) -> Result<f64, Fault> {
        match self.typed().kind {
            ValueKind::Float(number) if number.is_finite() => Ok(number),
            #[expect(clippy::cast_precision_loss, reason = "settings are far below 2^52")]
            ValueKind::I64(number) => Ok(number as f64),
            other => Err(wrong_type("a number", &other)),
        }
    }

    /// The entries of a list.
    pub(super) fn list(&self) -> Result<Vec<Entry<'a>>, Fault> {
        match self.typed().kind {
            ValueKind::Array(items) => Ok(self.items(items)),
            ValueKind::String(text) if self.variable().is_some() => {
                let origin = self.value.origin().map(str::to_owned);
                let items = text.split(',').map(str::trim);
                let items = items.map(|item| Value::new(origin.as_ref(), item));
                Ok(self.items(items.collect()))
            }
            other => Err(wrong_type("a list in [ ]", &other)),
        }
    }

    /// The table, as a section.
    pub(super) fn section(&self) -> Option<Section<'a>> {
        match self.table() {
            Ok(table) => Some(Section::new(self.walk, self.path.clone(), table)),
            Err(fault) => {
                self.fault(fault);
                None
            }
        }
    }

    pub(super) fn table(&self) -> Result<Table, Fault> {
        match self.typed().kind {
            ValueKind::Table(table) => Ok(table),
            other => Err(wrong_type("a table", &other)),
        }
    }

    /// The name of the variable that set this value.
    pub(super) fn variable(&self) -> Option<&str> {
        self.value.origin()?.strip_prefix(variables::ORIGIN)
    }

    /// The value, with the text of a variable read as TOML where it can be.
    fn typed(&self) -> Value {
        if let (ValueKind::String(text), Some(origin)) = (&self.value.kind, self.value.origin())
            && self.variable().is_some()
            && let Some(value) = layers::parse_value(text, origin)
        {
            return value;
        }
        self.value.clone()
    }

    fn items(&self, items: Vec<Value>) -> Vec<Entry<'a>> {
        let entry = |(index, item)| Entry::new(self.walk, format!("{}[{index}]", self.path), item);
        items.into_iter().enumerate().map(entry).collect()
    }

    fn shown(&self) -> String {
        let typed = self.typed();
        match typed.kind {
            ValueKind::Table(_) => show(&self.value.kind),
            kind => show(&kind),
        }
    }
}

pub(super) fn wrong_type(wanted: &str, found: &ValueKind) -> Fault {
    let found = match found {
        ValueKind::Nil => "nothing",
        ValueKind::Boolean(_) => "true or false",
        ValueKind::Float(_) => "a number with a fraction",
        ValueKind::String(_) => "text",
        ValueKind::Table(_) => "a table",
        ValueKind::Array(_) => "a list",
        _ => "a whole number",
    };
    format!("must be {wanted}, but is {found}").into()
}

/// A value in TOML's spelling, on one line.
pub(super) fn show(kind: &ValueKind) -> String {
    match kind {
        ValueKind::String(text) => serde_json::Value::from(text.as_str()).to_string(),
        ValueKind::Float(number) => format!("{number:?}"),
        ValueKind::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| show(&item.kind)).collect();
            format!("[{}]", items.join(", "))
        }
        ValueKind::Table(table) => {
            let pairs: Vec<String> = table
                .iter()
                .map(|(key, value)| format!("{} = {}", super::join("", key), show(&value.kind)))
                .collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        other => other.to_string(),
    }
}

//! One merged value with its path, and the plain types it can be read as.
//!
//! A value that a variable set is text, whatever the key wants; it is taken apart here, where
//! the wanted type is known.

use super::fault::Fault;
use super::reading::{BUILT_IN, Reading, join};
use crate::settings::layers;
use crate::settings::value::{Table, Value, ValueKind};

/// One value and where it stands.
pub(crate) struct Entry<'a> {
    pub(crate) reading: &'a Reading<'a>,
    pub(crate) path: String,
    pub(crate) value: Value,
}

impl<'a> Entry<'a> {
    pub(crate) fn new(reading: &'a Reading<'a>, path: String, value: Value) -> Self {
        Self {
            reading,
            path,
            value,
        }
    }

    /// Notes the value as the one in effect.
    pub(crate) fn in_effect(&self) {
        let layer = self.value.origin().unwrap_or(BUILT_IN);
        self.reading.in_effect(&self.path, self.shown(), layer);
    }

    /// Notes a problem with this value.
    pub(crate) fn fault(&self, fault: impl Into<Fault>) {
        let layer = self.value.origin();
        let layer = layer.filter(|layer| *layer != BUILT_IN);
        self.reading.problem(&self.path, fault.into(), layer);
    }

    /// Notes a warning on this value.
    pub(crate) fn warn(&self, reason: impl Into<String>) {
        let layer = self.value.origin();
        self.reading.warn(&self.path, reason, layer);
    }

    /// The text, which may not be empty.
    pub(crate) fn text(&self) -> Result<&str, Fault> {
        match &self.value.kind {
            ValueKind::String(text) if text.trim().is_empty() => Err("may not be empty".into()),
            ValueKind::String(text) => Ok(text),
            other => Err(wrong_type("text in quotes", other)),
        }
    }

    pub(crate) fn integer(&self) -> Result<i64, Fault> {
        match self.typed().kind {
            ValueKind::Integer(number) => Ok(number),
            other => Err(wrong_type("a whole number", &other)),
        }
    }

    /// True or false.
    pub(crate) fn flag(&self) -> Result<bool, Fault> {
        match self.typed().kind {
            ValueKind::Boolean(flag) => Ok(flag),
            other => Err(wrong_type("true or false", &other)),
        }
    }

    pub(crate) fn number(&self) -> Result<f64, Fault> {
        match self.typed().kind {
            ValueKind::Float(number) if number.is_finite() => Ok(number),
            #[expect(clippy::cast_precision_loss, reason = "settings are far below 2^52")]
            ValueKind::Integer(number) => Ok(number as f64),
            other => Err(wrong_type("a number", &other)),
        }
    }

    /// The entries of a list.
    pub(crate) fn list(&self) -> Result<Vec<Entry<'a>>, Fault> {
        match self.typed().kind {
            ValueKind::Array(items) => Ok(self.items(items)),
            ValueKind::String(text) if self.variable().is_some() => {
                let item = |item: &str| Value {
                    kind: item.trim().into(),
                    origin: self.value.origin.clone(),
                };
                Ok(self.items(text.split(',').map(item).collect()))
            }
            other => Err(wrong_type("a list in [ ]", &other)),
        }
    }

    pub(crate) fn table(&self) -> Result<Table, Fault> {
        match self.typed().kind {
            ValueKind::Table(table) => Ok(table),
            other => Err(wrong_type("a table", &other)),
        }
    }

    /// The name of the variable that set this value.
    pub(crate) fn variable(&self) -> Option<&str> {
        self.value.origin.as_deref()?.strip_prefix(layers::VARIABLE)
    }

    /// The value, with the text of a variable read as TOML where it can be.
    fn typed(&self) -> Value {
        if let (ValueKind::String(text), Some(origin)) = (&self.value.kind, &self.value.origin)
            && self.variable().is_some()
            && let Some(value) = layers::parse_value(text, origin)
        {
            return value;
        }
        self.value.clone()
    }

    fn items(&self, items: Vec<Value>) -> Vec<Entry<'a>> {
        let entry =
            |(index, item)| Entry::new(self.reading, format!("{}[{index}]", self.path), item);
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

pub(crate) fn wrong_type(wanted: &str, found: &ValueKind) -> Fault {
    let found = match found {
        ValueKind::Boolean(_) => "true or false",
        ValueKind::Float(_) => "a number with a fraction",
        ValueKind::String(_) => "text",
        ValueKind::Table(_) => "a table",
        ValueKind::Array(_) => "a list",
        ValueKind::Integer(_) => "a whole number",
    };
    format!("must be {wanted}, but is {found}").into()
}

/// A value in TOML's spelling, on one line.
pub(crate) fn show(kind: &ValueKind) -> String {
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
                .map(|(key, value)| format!("{} = {}", join("", key), show(&value.kind)))
                .collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        ValueKind::Boolean(flag) => flag.to_string(),
        ValueKind::Integer(number) => number.to_string(),
    }
}

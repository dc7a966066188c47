//! A value of a configuration, which remembers where it was set, and how layers of them merge.
//! Pure.

use indexmap::IndexMap;

/// Values by key, in the order in which the keys were first set.
pub(crate) type Table = IndexMap<String, Value>;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Value {
    /// A file with the line, a variable, or `built-in`. A table that layers were merged into has
    /// none.
    pub(crate) origin: Option<String>,
    pub(crate) kind: ValueKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ValueKind {
    Boolean(bool),
    Integer(i64),
    Float(f64),
    String(String),
    Array(Vec<Value>),
    Table(Table),
}

impl Value {
    pub(crate) fn new(origin: &str, kind: impl Into<ValueKind>) -> Self {
        Self {
            origin: Some(origin.to_owned()),
            kind: kind.into(),
        }
    }

    /// A table that no single layer has set.
    pub(crate) const fn of_table(table: Table) -> Self {
        Self {
            origin: None,
            kind: ValueKind::Table(table),
        }
    }

    pub(crate) const fn as_table(&self) -> Option<&Table> {
        match &self.kind {
            ValueKind::Table(table) => Some(table),
            _ => None,
        }
    }

    /// Where it was set: for a table or a list without an origin, where its first value was.
    pub(crate) fn origin(&self) -> Option<&str> {
        let first = || match &self.kind {
            ValueKind::Table(table) => table.values().find_map(Self::origin),
            ValueKind::Array(items) => items.iter().find_map(Self::origin),
            _ => None,
        };
        self.origin.as_deref().or_else(first)
    }
}

/// Puts the values of `layer` over those of `table`. Tables merge; anything else replaces.
pub(super) fn merge(table: &mut Table, layer: Table) {
    for (key, value) in layer {
        let ValueKind::Table(inner) = value.kind else {
            table.insert(key, value);
            continue;
        };
        let mut merged = match table.get_mut(&key).map(|known| &mut known.kind) {
            Some(ValueKind::Table(known)) => std::mem::take(known),
            _ => Table::new(),
        };
        merge(&mut merged, inner);
        table.insert(key, Value::of_table(merged));
    }
}

/// Puts `value` at `path`, which has at least one key.
pub(super) fn set(table: &mut Table, path: &[String], value: Value) {
    if let Some((first, rest)) = path.split_first() {
        let nest = |inner, key: &String| Value::of_table(Table::from([(key.clone(), inner)]));
        let nested = rest.iter().rev().fold(value, nest);
        merge(table, Table::from([(first.clone(), nested)]));
    }
}

impl From<i64> for ValueKind {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<f64> for ValueKind {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<&str> for ValueKind {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for ValueKind {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<Vec<&str>> for ValueKind {
    fn from(items: Vec<&str>) -> Self {
        let item = |text: &str| Value {
            origin: None,
            kind: text.into(),
        };
        Self::Array(items.into_iter().map(item).collect())
    }
}

//! The description of a setting, for the JSON Schema and the reference tables. Plain data.

use serde_json::Value;

use crate::settings::crm::CrmProfile;
use crate::settings::value::ValueKind;

/// The CRMs whose settings are described, too.
pub(crate) type Crms<'a> = &'a [&'static CrmProfile];

/// The type of every duration, in the words of the reference.
pub(crate) const DURATION: &str = "duration";

/// One setting.
#[derive(Debug, Clone)]
pub(crate) struct Declared {
    pub(crate) key: &'static str,
    pub(crate) meaning: String,
    /// Its type in the words of the reference.
    pub(crate) type_name: String,
    pub(crate) default: Default,
    pub(crate) shape: Shape,
}

/// The value of a setting that is not set.
#[derive(Debug, Clone)]
pub(crate) enum Default {
    Required,
    Value(ValueKind),
    /// What holds instead, in words.
    Words(String),
    /// A table without keys: each of its keys has its own default.
    EmptyTable,
}

/// The structure of a value.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    /// A single value, by its JSON Schema.
    Value(Value),
    /// A table with fixed keys.
    Table(fn(Crms<'_>) -> Vec<Declared>),
    /// A table whose keys the user chooses, besides fixed ones.
    Named(Names, fn(Crms<'_>) -> Vec<Declared>, Box<Shape>),
    List(Box<Shape>),
    Either(Vec<Shape>),
    /// A table whose keys depend on the value of its key `tag`.
    Tagged(&'static str, fn(Crms<'_>) -> Vec<Variant>),
}

/// Which names the user may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// Letters, digits, `-` and `_`.
    Plain,
    /// As `Plain`, but for these, which Ringdown uses itself.
    PlainExcept(&'static [&'static str]),
    /// Any name; the reference writes this word for it.
    Any(&'static str),
}

/// One value of the key that decides on a table's other keys.
#[derive(Debug, Clone)]
pub(crate) struct Variant {
    pub(crate) word: &'static str,
    pub(crate) meaning: String,
    pub(crate) keys: Vec<Declared>,
}

impl Shape {
    /// The fixed keys of the tables in it, whatever the user's names and the number of entries.
    pub(crate) fn keys(&self, crms: Crms<'_>) -> Vec<Declared> {
        match self {
            Self::Value(_) | Self::Tagged(..) => Vec::new(),
            Self::Table(keys) => keys(crms),
            Self::Named(_, keys, inner) => [keys(crms), inner.keys(crms)].concat(),
            Self::List(inner) => inner.keys(crms),
            Self::Either(shapes) => shapes.iter().flat_map(|shape| shape.keys(crms)).collect(),
        }
    }
}

impl Names {
    /// The word for a name in the reference.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Plain | Self::PlainExcept(_) => "NAME",
            Self::Any(word) => word,
        }
    }
}

/// A table without fixed keys.
pub(crate) fn no_keys(_: Crms<'_>) -> Vec<Declared> {
    Vec::new()
}

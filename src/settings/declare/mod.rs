//! How a setting is declared: once, with its type, its check, its default and its meaning.
//!
//! A declaration is a field in [`section!`] or [`choice!`]: its doc comment is the meaning, its
//! value a [`Setting`]. From it come the field of the final struct, the reading, the JSON Schema
//! and the reference table.

mod declared;
mod kind;
mod macros;
mod part;
pub(crate) mod reference;
pub(crate) mod schema;
mod setting;

pub(crate) use declared::{Crms, DURATION, Declared, Default, Names, Shape, Variant, no_keys};
pub(crate) use kind::{Kind, list, one_or_some, some};
pub(crate) use macros::{choice, key, keys, section};
pub(crate) use part::{read_from_toml, read_part};
pub(crate) use setting::{Choice, Keys, Setting, named, one_of_tables, table};

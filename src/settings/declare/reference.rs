//! The reference tables of declared settings, in Markdown.

use super::declared::{Crms, DURATION, Declared, Default, Shape, Variant};
use crate::settings::read::show;

const HEAD: &str = "| key | type | default | meaning |\n|---|---|---|---|\n";

/// Tables that have a reference table of their own.
const OWN_TABLE: [&str; 2] = ["map", "maps"];

#[derive(Debug, PartialEq, Eq)]
struct Row {
    key: String,
    type_name: String,
    default: String,
    meaning: String,
}

/// The table of `keys` and of the tables in them.
pub(crate) fn table(keys: &[Declared], crms: Crms<'_>) -> String {
    let mut rows = Vec::new();
    for key in keys {
        add_rows("", key, crms, &OWN_TABLE, &mut rows);
    }
    let mut text = HEAD.to_owned();
    for group in rows.chunk_by(|one, next| one.is_like(next)) {
        let names: Vec<String> = group.iter().map(|row| format!("`{}`", row.key)).collect();
        let Some(row) = group.first() else { continue };
        let (type_name, default, meaning) = (&row.type_name, &row.default, &row.meaning);
        let names = names.join(", ");
        text.push_str(&format!(
            "| {names} | {type_name} | {default} | {meaning} |\n"
        ));
    }
    text
}

/// The table of the forms that the value of `tag` chooses.
pub(crate) fn forms(tag: &str, variants: &[Variant], crms: Crms<'_>) -> String {
    let mut text = format!("| `{tag}` | key | type | default | meaning |\n|---|---|---|---|---|\n");
    for variant in variants {
        let mut rows = Vec::new();
        for key in &variant.keys {
            add_rows("", key, crms, &[], &mut rows);
        }
        let word = variant.word;
        text.push_str(&format!("| `{word}` | | | | {} |\n", variant.meaning));
        for row in rows {
            let (key, type_name, default) = (row.key, row.type_name, row.default);
            let meaning = row.meaning;
            text.push_str(&format!(
                "| `{word}` | `{key}` | {type_name} | {default} | {meaning} |\n"
            ));
        }
    }
    text
}

/// The table of all durations; names that the user chooses are `*`.
pub(crate) fn durations(keys: &[Declared], crms: Crms<'_>) -> String {
    let mut rows = Vec::new();
    for key in keys {
        add_rows("", key, crms, &[], &mut rows);
    }
    let mut text = "| setting | default | time |\n|---|---|---|\n".to_owned();
    for row in rows.iter().filter(|row| row.type_name == DURATION) {
        let key = row.key.replace("NAME", "*");
        text.push_str(&format!(
            "| `{key}` | {} | {} |\n",
            row.default, row.meaning
        ));
    }
    text
}

fn add_rows(prefix: &str, key: &Declared, crms: Crms<'_>, own_table: &[&str], rows: &mut Vec<Row>) {
    let path = format!("{prefix}{}", key.key);
    let is_apart = own_table.contains(&path.as_str());
    let has_row = match &key.shape {
        Shape::Table(_) | Shape::Named(..) => {
            is_apart || !matches!(key.default, Default::EmptyTable)
        }
        _ => true,
    };
    if has_row {
        rows.push(Row::of(path.clone(), key));
    }
    if !is_apart {
        add_inner(&path, key, &key.shape, crms, own_table, rows);
    }
}

fn add_inner(
    path: &str,
    key: &Declared,
    shape: &Shape,
    crms: Crms<'_>,
    own_table: &[&str],
    rows: &mut Vec<Row>,
) {
    match shape {
        Shape::Table(keys) => {
            for inner in keys(crms) {
                add_rows(&format!("{path}."), &inner, crms, own_table, rows);
            }
        }
        Shape::Named(names, keys, inner) => {
            let path = format!("{path}.{}", names.word());
            if let Shape::Value(_) = **inner {
                let path = path.clone();
                rows.push(Row {
                    default: "none".to_owned(),
                    ..Row::of(path, key)
                });
            }
            for fixed in keys(crms) {
                let prefix = path.trim_end_matches(names.word());
                add_rows(prefix, &fixed, crms, own_table, rows);
            }
            add_inner(&path, key, inner, crms, own_table, rows);
        }
        Shape::Either(shapes) => {
            for shape in shapes {
                add_inner(path, key, shape, crms, own_table, rows);
            }
        }
        // The entries of a list and the forms of a table have tables of their own.
        Shape::Value(_) | Shape::List(_) | Shape::Tagged(..) => {}
    }
}

impl Row {
    fn of(key: String, declared: &Declared) -> Self {
        let default = match &declared.default {
            Default::Required => "required".to_owned(),
            Default::Value(value) => format!("`{}`", show(value).trim_matches('"')),
            Default::Words(words) => words.clone(),
            Default::EmptyTable => "the defaults of its keys".to_owned(),
        };
        Self {
            key,
            type_name: declared.type_name.clone(),
            default,
            meaning: declared.meaning.clone(),
        }
    }

    /// Whether they differ in their keys only.
    fn is_like(&self, other: &Self) -> bool {
        (&self.type_name, &self.default, &self.meaning)
            == (&other.type_name, &other.default, &other.meaning)
    }
}

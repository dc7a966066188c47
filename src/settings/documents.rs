//! What is written about the settings from their declarations: the JSON Schema for editors, and
//! the tables in `docs/configuration.md`.

use serde_json::Value;

use super::crm::CrmProfile;
use super::declare::{Crms, Keys, Shape, Variant, reference, schema};
use super::sections::root::Settings;

const BEGIN: &str = "<!-- settings: ";
const END: &str = "<!-- end of settings -->\n";

/// The JSON Schema of a configuration file.
pub fn json_schema(crms: Crms<'_>) -> Value {
    schema::of_file("Ringdown configuration", &Settings::declared(crms), crms)
}

/// `document` with its tables of settings written anew. A table stands between two comments, and
/// the first one says which table it is: `<!-- settings: rules.targets -->`.
///
/// # Errors
///
/// The first comment that names no table, or has no end.
pub fn with_tables(document: &str, crms: Crms<'_>) -> Result<String, String> {
    let mut parts = document.split(BEGIN);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let wrong = || part.lines().next().unwrap_or_default().to_owned();
        let (name, rest) = part.split_once(" -->\n").ok_or_else(wrong)?;
        let (_, after) = rest.split_once(END).ok_or_else(wrong)?;
        let table = table(name, crms).ok_or_else(wrong)?;
        text.push_str(&format!("{BEGIN}{name} -->\n{table}{END}{after}"));
    }
    Ok(text)
}

/// The table called `name`: the path of a table of settings, or `durations`.
fn table(name: &str, crms: Crms<'_>) -> Option<String> {
    let mut keys = Settings::declared(crms);
    if name == "durations" {
        return Some(reference::durations(&keys, crms));
    }
    let mut shape = None;
    for part in name.split('.') {
        let next = keys.into_iter().find(|key| key.key == part)?;
        keys = next.shape.keys(crms);
        shape = Some(next.shape);
    }
    let shape = match shape? {
        Shape::List(inner) => *inner,
        shape => shape,
    };
    Some(match shape {
        Shape::Tagged(tag, variants) => {
            let variants: Vec<_> = variants(crms)
                .into_iter()
                .map(|variant| with_crms(variant, crms))
                .collect();
            reference::forms(tag, &variants, crms)
        }
        _ => reference::table(&keys, crms),
    })
}

/// Adds to a way of logging in the CRMs that accept it.
fn with_crms(mut variant: Variant, crms: Crms<'_>) -> Variant {
    let accepts = |crm: &&&CrmProfile| {
        let mut flows = crm.login.flows.iter();
        flows.any(|flow| flow.as_str() == variant.word)
    };
    let names: Vec<&str> = crms.iter().filter(accepts).map(|crm| crm.name).collect();
    if !names.is_empty() {
        variant.meaning = format!("{} ({})", variant.meaning, names.join(", "));
    }
    variant
}

//! Places in a sender's own JSON.

use super::texts::parsed;
use crate::normalise::{NotAPointer, Pointer, Pointers};
use crate::settings::declare::{Kind, one_or_some, some};
use crate::settings::read::Fault;

/// A JSON pointer, or several of which the first that finds a value is used.
pub(crate) fn place() -> Kind<Pointers> {
    one_or_some("place", pointer(), some("places", pointer()))
}

fn pointer() -> Kind<Pointer> {
    parsed("place", |text| {
        text.parse().map_err(|error: NotAPointer| {
            let dotted = matches!(error, NotAPointer::NoSlash(_));
            let suggestion = dotted.then(|| format!("/{}", text.replace('.', "/")));
            Fault::suggesting(error.to_string(), suggestion)
        })
    })
}

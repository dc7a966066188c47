//! Places in a sender's own JSON.

use super::texts::parsed;
use crate::normalise::{NotAPlace, NotAPointer, Place, Places};
use crate::settings::declare::{Kind, one_or_some, some};
use crate::settings::read::Fault;

/// A JSON pointer or a JSONPath query, or several of which the first that finds a value is used.
pub(crate) fn place() -> Kind<Places> {
    one_or_some("place", one_place(), some("places", one_place()))
}

/// A JSON pointer or a JSONPath query.
pub(crate) fn one_place() -> Kind<Place> {
    parsed("place", |text| {
        text.parse().map_err(|error: NotAPlace| {
            let dotted = matches!(error, NotAPlace::Pointer(NotAPointer::NoSlash(_)));
            let suggestion = dotted.then(|| format!("/{}", text.replace('.', "/")));
            Fault::suggesting(error.to_string(), suggestion)
        })
    })
}

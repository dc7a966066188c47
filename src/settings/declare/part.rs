//! Reads one part of a configuration alone.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::setting::Keys;
use crate::settings::layers::Layer;
use crate::settings::problem::LoadError;
use crate::settings::read::{Expressions, Reading, Section};

/// The part called `name`, from TOML. Keys that `text` does not set have their defaults. Names of
/// other parts are not checked.
pub(crate) fn read_part<T: Keys>(name: &str, text: &str) -> Result<T, LoadError> {
    let layer = Layer::parse(name, text).map_err(LoadError::of)?;
    let reading = Reading {
        environment: &BTreeMap::new(),
        files: &[],
        crms: &[],
        is_offline: false,
        whole: None,
        expressions: Expressions::default(),
        findings: RefCell::default(),
    };
    let section = Section::new(&reading, name, layer.values);
    let part = T::read(&section);
    section.finish();
    let problems = reading.findings.into_inner().problems;
    part.filter(|_| problems.is_empty())
        .ok_or(LoadError::of(problems))
}

/// Adds `from_toml` to types of settings.
macro_rules! read_from_toml {
    ($part:ty) => {
        impl $part {
            /// Reads this part of a configuration alone; `name` is what the user calls it. Keys
            /// that `text` does not set have their defaults. Names of other parts are not checked.
            ///
            /// # Errors
            ///
            /// All problems.
            pub fn from_toml(
                name: &str,
                text: &str,
            ) -> Result<Self, $crate::settings::problem::LoadError> {
                $crate::settings::declare::read_part(name, text)
            }
        }
    };
}

pub(crate) use read_from_toml;

//! The rule name and the active key of a source's flood.

use crate::domain::flood::RULE_PREFIX;
use crate::store::active_key;

pub(super) fn flood_rule(source: &str) -> String {
    format!("{RULE_PREFIX}{source}")
}

pub(super) fn flood_key(source: &str) -> String {
    active_key(&flood_rule(source), source)
}

//! The outage and the group that an active key belongs to.

use crate::domain::incident::Incident;
use crate::domain::outage::RULE_PREFIX;
use crate::settings::{OutageSettings, Settings};
use crate::store::active_key;

/// The outage that has the active key `key`, with its name and group.
pub(crate) fn outage_of<'a, 'k>(
    settings: &'a Settings,
    key: &'k str,
) -> Option<(&'a str, &'a OutageSettings, &'k str)> {
    let (rule, group) = key.split_once('\u{1f}')?;
    let (name, outage) = settings
        .outages
        .get_key_value(rule.strip_prefix(RULE_PREFIX)?)?;
    Some((name, outage, group))
}

/// The group that `incident` belongs to, as the active key of its outage. An outage belongs to its
/// own group.
pub(super) fn group_of(incident: &Incident) -> Option<String> {
    if incident.rule.starts_with(RULE_PREFIX) {
        return Some(active_key(&incident.rule, &incident.key));
    }
    incident.group.clone()
}

//! The outage that an incident is, and the group that it belongs to.

use crate::domain::identity::IncidentKey;
use crate::domain::incident::Incident;
use crate::domain::outage::RULE_PREFIX;
use crate::settings::{OutageSettings, Settings};

/// The outage whose incidents have the rule `rule`, with its name.
pub(crate) fn outage_of<'a>(
    settings: &'a Settings,
    rule: &str,
) -> Option<(&'a str, &'a OutageSettings)> {
    let name = rule.strip_prefix(RULE_PREFIX)?;
    let (name, outage) = settings.outages.get_key_value(name)?;
    Some((name, outage))
}

/// The group that `incident` belongs to, as the key of its outage. An outage belongs to its own
/// group.
pub(super) fn group_of(incident: &Incident) -> Option<IncidentKey> {
    if incident.rule.starts_with(RULE_PREFIX) {
        return Some(incident.incident_key());
    }
    incident.group.clone()
}

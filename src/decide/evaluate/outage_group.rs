//! The outage that a breach counts for.

use super::correlation_key::limit_key;
use super::ticket_values::TicketValues;
use crate::domain::identity::IncidentKey;
use crate::domain::outage::RULE_PREFIX;
use crate::settings::Settings;

/// The key of the first outage that names `rule` and whose `group_by` finds its values in
/// `context`.
pub(super) fn outage_key_of(
    settings: &Settings,
    rule: &str,
    context: &TicketValues,
) -> Option<IncidentKey> {
    settings.outages.iter().find_map(|(name, outage)| {
        let names_it = outage.rules.iter().any(|one| one == rule);
        let group = names_it.then(|| outage.group_by.render(context).ok())??;
        let group = limit_key(&group);
        (!group.is_empty()).then(|| IncidentKey::new(format!("{RULE_PREFIX}{name}"), group))
    })
}

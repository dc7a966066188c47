//! The CRMs that there are, one line each.

use super::driver::CrmDriver;
use super::{salesforce, servicenow};
use crate::settings::CrmProfile;

static CRMS: &[&CrmDriver] = &[
    &salesforce::DRIVER,
    &servicenow::DRIVER,
    #[cfg(test)]
    &super::example::DRIVER,
];

/// What the settings must know of each CRM.
pub fn profiles() -> Vec<&'static CrmProfile> {
    CRMS.iter().map(|crm| crm.profile).collect()
}

/// The CRM with this profile.
pub(super) fn driver_of(profile: &CrmProfile) -> Option<&'static CrmDriver> {
    let is_it = |crm: &&&CrmDriver| crm.profile.name == profile.name;
    CRMS.iter().find(is_it).copied()
}

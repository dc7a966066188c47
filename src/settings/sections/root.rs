//! The whole configuration.

use std::collections::BTreeMap;

use super::enrichment::EnrichmentSettings;
use super::entities::EntitySettings;
use super::maintenance::MaintenanceSettings;
use super::outages::OutageSettings;
use super::own_trouble::OwnTroubleSettings;
use super::rules::RuleSettings;
use super::server::{AdminSettings, LogSettings, ServerSettings};
use super::sources::SourceSettings;
use super::store::StoreSettings;
use super::targets::{TargetSettings, target};
use crate::domain::identity::TargetName;
use crate::domain::polling::{POLL_SOURCE, STATUS_SOURCE};
use crate::domain::trouble::{OWN_RULE, OWN_SOURCE};
use crate::rules::Routing;
use crate::settings::declare::{Names, named, section, table};

/// Sources of events that Ringdown writes itself.
const OWN_SOURCES: [&str; 3] = [OWN_SOURCE, POLL_SOURCE, STATUS_SOURCE];

section! {
    /// Every setting of the daemon.
    pub struct Settings {
        /// the public listener
        server: ServerSettings = table().or_empty(),
        /// metrics and API
        admin: AdminSettings = table().or_empty(),
        /// the database
        store: StoreSettings = table().or_empty(),
        /// log output
        log: LogSettings = table().or_empty(),
        /// who may send; at least one is required
        sources: BTreeMap<String, SourceSettings> = named(Names::PlainExcept(&OWN_SOURCES), table())
            .at_least_one("no source is configured, so nobody could send")
            .map(BTreeMap::from_iter)
            .or_empty(),
        /// where tickets go; at least one is required
        targets: BTreeMap<TargetName, TargetSettings> = named(Names::Plain, target())
            .at_least_one("no target is configured, so no ticket could be opened")
            .map(|targets| {
                let named = targets.into_iter();
                named.map(|(name, one)| (TargetName::new(name), one)).collect()
            })
            .or_empty(),
        /// when is it an incident; at least one is required. The rule of `own_trouble` is the last
        rules: Vec<RuleSettings> = named(Names::PlainExcept(&[OWN_RULE]), table())
            .at_least_one("no rule is configured, so nothing would be an incident")
            .map(|rules| rules.into_iter().map(|(_, rule)| rule).collect())
            .or_empty(),
        /// the states of queues, trunks, Edges and other things
        entities: EntitySettings = table().or_empty(),
        /// tickets about Ringdown itself
        own_trouble: Option<OwnTroubleSettings> = table().optional("no such tickets"),
        /// many incidents with one cause
        outages: BTreeMap<String, OutageSettings> = named(Names::Plain, table())
            .map(BTreeMap::from_iter)
            .or_empty(),
        /// access to the Genesys Cloud Platform API
        enrichment: Option<EnrichmentSettings> = table().optional("no calls to it"),
        /// regular times in which no ticket is opened
        maintenance: BTreeMap<String, MaintenanceSettings> = named(Names::Plain, table())
            .map(BTreeMap::from_iter)
            .or_empty(),
    }
}

impl Settings {
    /// Whether any ticket may be opened in another target than the first of its list.
    pub fn fails_over(&self) -> bool {
        let rules = self.rules.iter().map(|rule| &rule.targets);
        let outages = self.outages.values().map(|outage| &outage.targets);
        rules.chain(outages).any(Routing::fails_over)
    }
}

//! `[own_trouble]`: tickets about Ringdown itself.
//!
//! The settings become a source and a rule like any other, so that such a ticket is opened,
//! updated and closed by the same machinery.

use std::time::Duration;

use super::rules::{ON_RECOVERY, OnRecovery, RuleSettings};
use crate::domain::identity::TargetName;
use crate::domain::trouble::{OWN_EVENT, OWN_RULE, OWN_SOURCE};
use crate::normalise::{CustomMap, CustomMaps, Format};
use crate::settings::declare::{Setting, no_keys, read_part, section, some};
use crate::settings::kinds::{duration, name_of, one_of, severity};
use crate::settings::problem::LoadError;
use crate::settings::read::Section;

/// Where the values are in the events that `self_monitor` writes.
const MAP: &str = r#"
event_id = "/id"
event_type = "/type"
timestamp = "/timestamp"
entity_id = "/about"
entity_name = "/title"
status = "/status"
[labels]
kind = "/kind"
subject = "/subject"
target = "/target"
title = "/title"
text = "/text"
"#;

section! {
    /// `[own_trouble]`.
    pub struct OwnTroubleSettings {
        /// severity of these tickets
        severity: String = severity().default("high"),
        /// what is written to the ticket when the trouble is over
        on_recovery: OnRecovery = one_of(ON_RECOVERY).default("comment"),
        /// how long the trouble must be over before it counts as over
        clear_for: Duration = duration().default("1m"),
        /// in order of preference; a target is not used for a ticket about itself
        targets: Vec<TargetName> = some("targets", name_of("targets", "target").map(TargetName::new)).required(),
        /// how the events about our own trouble are read
        format: Format = Setting::special(own_format, no_keys),
    }
}

impl OwnTroubleSettings {
    /// The rule that opens these tickets. A trouble that lasts is reported every five minutes, so
    /// the default of `quiet_after` ends one that is no longer reported.
    pub(crate) fn rule(&self) -> Result<RuleSettings, LoadError> {
        let (severity, targets) = (&self.severity, self.routes());
        let last = serde_json::json!(self.targets);
        let last = last.to_string();
        let text = format!(
            "events = [\"{OWN_EVENT}\"]
            sources = [\"{OWN_SOURCE}\"]
            when = \"status == 'TROUBLE'\"
            key = \"{{{{ entity_id }}}}\"
            severity = \"{severity}\"
            burst_lock = \"15m\"
            update_every = \"1h\"
            targets = [{targets}{}]",
            last.trim_matches(['[', ']'])
        );
        Ok(RuleSettings {
            on_recovery: self.on_recovery,
            clear_for: self.clear_for,
            ..RuleSettings::from_toml(OWN_RULE, &text)?
        })
    }

    /// A ticket about trouble with a target goes to the other targets.
    fn routes(&self) -> String {
        let route = |target: &TargetName| {
            let others: Vec<_> = self.targets.iter().filter(|one| *one != target).collect();
            let others = serde_json::json!(others);
            format!("{{ when = \"labels.target == '{target}'\", to = {others} }}, ")
        };
        match self.targets.as_slice() {
            [_] => String::new(),
            targets => targets.iter().map(route).collect(),
        }
    }
}

fn own_format(section: &Section<'_>) -> Option<Format> {
    match read_part::<CustomMap>("map", MAP) {
        Ok(map) => Some(Format::Custom(CustomMaps::one(map))),
        Err(error) => {
            section.fault("targets", error.to_string());
            None
        }
    }
}

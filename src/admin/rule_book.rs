//! What the rules say about readings, for people: thresholds, units, the readings of an event.

use std::collections::BTreeMap;

use crate::domain::situation::RuleSight;
use crate::store::ReadingEvent;

/// The number at which a rule begins to call a reading a breach.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// A name such as `queue.waitTime.avg`.
    pub reading: String,
    pub breach: f64,
    /// Whether it is a breach above the number; otherwise below.
    pub is_above: bool,
    /// The number at which it counts as clear, where the rule says so.
    pub clear: Option<f64>,
}

/// Tells what the configured rules make of readings.
pub trait RuleBook: Send + Sync {
    /// The thresholds of the rule `rule`; none when it is not configured any more.
    fn thresholds(&self, rule: &str) -> Vec<Threshold>;

    /// What `event` says about the incident with this rule and key, by the name of the reading.
    fn readings(&self, rule: &str, key: &str, event: &ReadingEvent) -> BTreeMap<String, f64>;

    /// Whether the reading is in seconds.
    fn is_duration(&self, reading: &str) -> bool;

    /// What each rule makes of `event`, looked at alone.
    fn judge(&self, event: &ReadingEvent) -> Judged {
        let _ = event;
        Judged::default()
    }
}

/// What the rules make of an event.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judged {
    /// The type that rules name; `None` where the event cannot be read.
    pub event_type: Option<String>,
    /// Why it means nothing for any rule, such as a heartbeat.
    pub nothing: Option<String>,
    /// Each configured rule, in their order.
    pub sights: Vec<RuleSight>,
}

/// Of a listener that is given no rules.
pub(super) struct NoRules;

impl RuleBook for NoRules {
    fn thresholds(&self, _: &str) -> Vec<Threshold> {
        Vec::new()
    }

    fn readings(&self, _: &str, _: &str, _: &ReadingEvent) -> BTreeMap<String, f64> {
        BTreeMap::new()
    }

    fn is_duration(&self, _: &str) -> bool {
        false
    }
}

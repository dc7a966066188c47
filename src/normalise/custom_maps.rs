//! The maps of a custom source: where its values are, and which map is for which event.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fill;
use super::place::{Place, Places, scalar};
use crate::domain::signal::SchemaMismatch;

/// The places of values in the events of a custom source.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CustomMap {
    /// The event's id; without it one is derived from the content.
    pub event_id: Option<Places>,
    /// The type, by which rules select; without any place every event's type is `custom`.
    pub event_type: Places,
    /// When it happened; without it the time of arrival counts.
    pub timestamp: Option<Places>,
    /// Fields by their name in [`crate::domain::signal::FIELD_NAMES`].
    pub fields: BTreeMap<&'static str, Places>,
    /// Metrics by the name that rules use.
    pub metrics: BTreeMap<String, CustomMetric>,
    pub labels: BTreeMap<String, Places>,
}

/// Where one metric's statistics are.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomMetric {
    /// Places by the statistic's name: `avg`, `count`, `sum`, …
    pub statistics: BTreeMap<String, Places>,
    /// The unit the sender uses; rules and templates see seconds.
    pub unit: Unit,
}

impl CustomMap {
    /// Whether the reading `statistic` of `metric` is in seconds, by the unit that the map gives.
    pub fn is_duration(&self, metric: &str, statistic: &str) -> bool {
        let metric = self.metrics.get(metric);
        metric.is_some_and(|metric| metric.unit != Unit::None) && fill::has_unit(statistic)
    }
}

/// The unit of a custom metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds, taken as they are.
    Seconds,
    /// Milliseconds, turned into seconds (all statistics but counts and ratios).
    Milliseconds,
    /// Not a duration.
    None,
}

/// How the events of a custom source are read: by the first map whose condition holds.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomMaps {
    maps: Vec<ChosenMap>,
}

/// A map, and the events that it is for.
#[derive(Debug, Clone, PartialEq)]
pub struct ChosenMap {
    /// Its name in the configuration; empty for the only one.
    pub name: String,
    /// `None`: for every event.
    pub when: Option<MapCondition>,
    pub map: CustomMap,
}

/// What an event must have for a map to be its own.
#[derive(Debug, Clone, PartialEq)]
pub struct MapCondition {
    pub at: Place,
    /// One of these texts, numbers or flags; empty: anything.
    pub is: Vec<String>,
}

impl CustomMaps {
    /// One map for every event.
    pub fn one(map: CustomMap) -> Self {
        Self::several(vec![ChosenMap {
            name: String::new(),
            when: None,
            map,
        }])
    }

    /// Several maps, of which the first that is for an event reads it.
    pub const fn several(maps: Vec<ChosenMap>) -> Self {
        Self { maps }
    }

    /// Every map.
    pub fn all(&self) -> impl Iterator<Item = &CustomMap> {
        self.maps.iter().map(|chosen| &chosen.map)
    }

    /// The map for `item`.
    pub(super) fn of(&self, item: &Value) -> Result<&CustomMap, SchemaMismatch> {
        for chosen in &self.maps {
            let holds = match &chosen.when {
                Some(condition) => condition.holds(item)?,
                None => true,
            };
            if holds {
                return Ok(&chosen.map);
            }
        }
        Err(SchemaMismatch::new("", self.none_holds(item)))
    }

    fn none_holds(&self, item: &Value) -> String {
        let wanted: Vec<String> = self
            .maps
            .iter()
            .filter_map(|chosen| Some((&chosen.name, chosen.when.as_ref()?)))
            .map(|(name, when)| {
                let found = when.at.find(item).ok().flatten().and_then(scalar);
                let found = found.map_or_else(|| "nothing".to_owned(), |text| beginning(&text));
                format!("{name} ({} has {found})", when.at)
            })
            .collect();
        format!(
            "none of the source's maps is for this event: {}",
            wanted.join(", ")
        )
    }
}

impl MapCondition {
    fn holds(&self, item: &Value) -> Result<bool, SchemaMismatch> {
        let found = self.at.find(item)?;
        Ok(found.is_some_and(|value| {
            self.is.is_empty() || scalar(value).is_some_and(|text| self.is.contains(&text))
        }))
    }
}

/// The beginning of `text`, in quotes.
fn beginning(text: &str) -> String {
    format!("{:?}", text.chars().take(80).collect::<String>())
}

//! `[sources.NAME.map]` and `maps`: where a custom format has its values.

use std::collections::BTreeMap;

use crate::domain::signal::FIELD_NAMES;
use crate::normalise::{ChosenMap, CustomMap, CustomMetric, MapCondition, Place, Places, Unit};
use crate::settings::declare::{
    Crms, Declared, Keys, Kind, Names, Setting, Shape, keys, named, one_or_some, section, some,
    table,
};
use crate::settings::kinds::{one_of, one_place, place, text};
use crate::settings::read::{Entry, Section};

const UNITS: &[(&str, Unit)] = &[
    ("s", Unit::Seconds),
    ("ms", Unit::Milliseconds),
    ("none", Unit::None),
];

keys! {
    for CustomMap {
        /// two events with the same id are duplicates
        event_id: Option<Places> = place().optional("derived from the content"),
        /// the type by which rules select events
        event_type: Places = place()
            .optional("every event has the type `custom`")
            .map(Option::unwrap_or_default),
        /// RFC 3339, or epoch seconds or milliseconds
        timestamp: Option<Places> = place().optional("time of receipt"),
        /// fields that rules and templates can use
        fields: BTreeMap<&'static str, Places> = Setting::special(read_fields, declared_fields),
        /// statistics (`avg`, `count`, …) of the metric NAME
        metrics: BTreeMap<String, CustomMetric> = named(Names::Any("NAME"), metric())
            .map(BTreeMap::from_iter)
            .or_empty(),
        /// a label of your choice
        labels: BTreeMap<String, Places> = named(Names::Any("NAME"), place())
            .map(BTreeMap::from_iter)
            .or_empty(),
    }
}

keys! {
    for ChosenMap {
        /// its name
        name: String = Setting::own_name(str::to_owned),
        /// the events that it is for
        when: Option<MapCondition> = table().optional("every event"),
        /// as in `map`
        map: CustomMap = Setting::of_keys(|_, map| Some(map)),
    }
}

keys! {
    for MapCondition {
        /// a place that holds something in these events
        at as "place": Place = one_place().required(),
        /// what it holds: one of these
        is: Vec<String> = one_or_some("text", text(), some("texts", text()))
            .optional("anything")
            .map(Option::unwrap_or_default),
    }
}

section! {
    struct MetricKeys {
        /// the unit in which the sender writes a duration; rules see seconds. `none`: not a
        /// duration
        unit: Unit = one_of(UNITS).default("none"),
    }
}

fn read_fields(section: &Section<'_>) -> Option<BTreeMap<&'static str, Places>> {
    let kind = place();
    let read: Vec<_> = FIELD_NAMES
        .iter()
        .filter_map(|name| Some((*name, section.entry(name)?)))
        .map(|(name, entry)| Some((name, kind.read(&entry)?)))
        .collect();
    read.into_iter().collect()
}

fn declared_fields(crms: Crms<'_>) -> Vec<Declared> {
    let one = |name: &&'static str| {
        let setting = place().optional("absent");
        setting.declare(name, "a field that rules and templates can use", crms)
    };
    FIELD_NAMES.iter().flat_map(one).collect()
}

/// A place for each statistic, and the unit that all of them are in.
fn metric() -> Kind<CustomMetric> {
    let statistic = place();
    let shape = Shape::Named(
        Names::Any("STAT"),
        MetricKeys::declared,
        Box::new(statistic.shape().clone()),
    );
    Kind::composite("place", shape, move |entry| read_metric(entry, &statistic))
}

fn read_metric(entry: &Entry<'_>, statistic: &Kind<Places>) -> Option<CustomMetric> {
    let section = Section::of(entry)?;
    let unit = MetricKeys::read(&section);
    let read: Vec<_> = section
        .named_entries()
        .into_iter()
        .filter(|(name, _)| name != "unit")
        .map(|(name, entry)| Some((name, statistic.read(&entry)?)))
        .collect();
    if read.is_empty() {
        entry.fault("names no statistic; write for example avg = \"/path/to/average\"");
    }
    Some(CustomMetric {
        statistics: read.into_iter().collect::<Option<_>>()?,
        unit: unit?.unit,
    })
}

//! How tickets show a reading: rounded, and a duration with its unit.

use std::time::Duration;

use super::time_text::span;
use crate::normalise::{CustomMap, Format, is_duration};
use crate::settings::{RuleSettings, Settings};

/// Which readings are durations: those whose names say so, and those of custom metrics that
/// the configuration gives a unit.
#[derive(Debug, Clone, Default)]
pub(in crate::decide) struct Units<'a> {
    maps: Vec<&'a CustomMap>,
}

impl<'a> Units<'a> {
    /// Of the sources that `rule` evaluates; without one, of all.
    pub(in crate::decide) fn new(settings: &'a Settings, rule: Option<&RuleSettings>) -> Self {
        let heard = |name: &String| {
            rule.is_none_or(|rule| rule.sources.is_empty() || rule.sources.contains(name))
        };
        let sources = settings.sources.iter();
        let maps = sources
            .filter(|(name, _)| heard(name))
            .filter_map(|(_, source)| match &source.format {
                Format::Custom(maps) => Some(maps.all()),
                Format::Genesys => None,
            })
            .flatten()
            .collect();
        Self { maps }
    }

    fn is_duration(&self, name: &str) -> bool {
        let (metric, statistic) = name.rsplit_once('.').unwrap_or((name, ""));
        let mut maps = self.maps.iter();
        is_duration(metric, statistic) || maps.any(|map| map.is_duration(metric, statistic))
    }

    /// The reading `name`, with its unit.
    pub(super) fn short(&self, name: &str, value: f64) -> String {
        let text = rounded(value);
        match self.is_duration(name) {
            true => format!("{text} s"),
            false => text,
        }
    }

    /// The same, a long duration in words too.
    pub(super) fn shown(&self, name: &str, value: f64) -> String {
        let text = self.short(name, value);
        if value < 120.0 || !self.is_duration(name) {
            return text;
        }
        let words = Duration::try_from_secs_f64(value.round()).unwrap_or(Duration::MAX);
        format!("{text} ({})", span(words))
    }
}

fn rounded(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::normalise::{CustomMetric, Unit};

    #[test]
    fn numbers_are_rounded_to_what_people_read() {
        for (value, expected) in [
            (0.0, "0"),
            (0.333, "0.33"),
            (7.50, "7.5"),
            (12.04, "12"),
            (99.96, "100"),
            (412.5, "412"),
            (-2.504, "-2.5"),
        ] {
            assert_eq!(rounded(value), expected);
        }
    }

    #[test]
    fn a_custom_metric_has_the_unit_that_the_configuration_gives_it() {
        let metric = |unit| CustomMetric {
            statistics: BTreeMap::new(),
            unit,
        };
        let map = CustomMap {
            metrics: BTreeMap::from([
                ("carrier.setup".to_owned(), metric(Unit::Milliseconds)),
                ("carrier.hold".to_owned(), metric(Unit::Seconds)),
                ("carrier.calls".to_owned(), metric(Unit::None)),
            ]),
            ..CustomMap::default()
        };
        let units = Units { maps: vec![&map] };
        for (name, expected) in [
            ("carrier.setup.avg", "366 s (6 min 6 s)"),
            ("carrier.hold.max", "366 s (6 min 6 s)"),
            ("carrier.hold.count", "366"),
            ("carrier.calls.max", "366"),
            ("another.max", "366"),
            ("tWait.avg", "366 s (6 min 6 s)"),
        ] {
            assert_eq!(units.shown(name, 365.5), expected, "{name}");
        }
        assert_eq!(units.short("carrier.setup.avg", 365.5), "366 s");
        assert_eq!(Units::default().shown("carrier.setup.avg", 365.5), "366");
    }
}

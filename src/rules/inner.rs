//! Values inside values that a template looks up: the `avg` of `metrics.tWait`, the `name` of
//! `outage`. Where the outer one is missing, so is the inner one. The template engine fails there
//! before it comes to the alternative of `{{ metrics.tWait.avg or 'unknown' }}`. Pure.

use super::comparisons::Operand;
use super::span::word_at;
use super::tags::tags;
use super::template::TemplateContext;

const METRICS: &str = "metrics";

/// Values that are absent as a whole.
const ROOTS: [&str; 3] = ["outage", "ticket", "incident"];

/// What a template looks up inside of other values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Inner {
    /// Names of which only members are looked up.
    roots: Vec<&'static str>,
    readings: Vec<Reading>,
}

/// A reading of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reading {
    metric: String,
    /// `None`: the metric itself is looked up, or something else of it.
    statistic: Option<String>,
    /// As it stands in the template.
    spelling: String,
}

impl Inner {
    /// What the template `source` looks up; `names` are its names from the root on.
    pub(super) fn of(source: &str, names: &[String]) -> Self {
        let has_members = |root: &&'static str| {
            let is_inner = |name: &String| {
                let rest = name.strip_prefix(*root);
                rest.is_some_and(|rest| rest.starts_with('.'))
            };
            names.iter().any(is_inner) && names.iter().all(|name| name != root)
        };
        Self {
            roots: ROOTS.into_iter().filter(has_members).collect(),
            readings: readings(source),
        }
    }

    /// `context` with something empty for each outer value that is missing, so that only the inner
    /// one is; `None`: none is missing.
    pub(super) fn without_outer(&self, context: &TemplateContext) -> Option<TemplateContext> {
        let empty = || serde_json::Value::Object(TemplateContext::new());
        let mut filled = context.clone();
        for root in &self.roots {
            filled.entry(*root).or_insert_with(empty);
        }
        let metrics = filled.entry(METRICS).or_insert_with(empty);
        for reading in &self.readings {
            // A template that asks for the metric itself must see that it is missing.
            let mut same = self.readings.iter();
            let is_asked = same.any(|one| one.metric == reading.metric && one.statistic.is_none());
            if let Some(metrics) = metrics.as_object_mut().filter(|_| !is_asked) {
                metrics.entry(reading.metric.as_str()).or_insert_with(empty);
            }
        }
        (filled != *context).then_some(filled)
    }

    /// Every statistic that the template looks up, with its spelling.
    pub(super) fn readings(&self) -> impl Iterator<Item = (Operand, String)> {
        self.readings.iter().filter_map(|one| {
            let operand = Operand::Reading(one.metric.clone(), one.statistic.clone()?);
            Some((operand, one.spelling.clone()))
        })
    }

    /// Gives the reading that the template spells `spelling` some value; `false`: there is none.
    pub(super) fn fill(&self, context: &mut TemplateContext, spelling: &str) -> bool {
        let mut readings = self.readings.iter();
        let Some(reading) = readings.find(|one| one.spelling == spelling) else {
            return false;
        };
        let empty = || serde_json::Value::Object(TemplateContext::new());
        let metrics = context.entry(METRICS).or_insert_with(empty);
        let statistic = reading.statistic.as_deref().unwrap_or("count");
        if let Some(metrics) = metrics.as_object_mut() {
            let metric = metrics.entry(reading.metric.as_str());
            if let Some(metric) = metric.or_insert_with(empty).as_object_mut() {
                metric.insert(statistic.to_owned(), "1".into());
            }
        }
        true
    }

    /// The readings that `context` lacks, as the template spells them.
    pub(super) fn missing(&self, context: &TemplateContext) -> Vec<String> {
        let metrics = context.get(METRICS);
        let is_there = |reading: &Reading| {
            let metric = metrics.and_then(|metrics| metrics.get(&reading.metric));
            let statistic = reading.statistic.as_ref();
            metric.is_some_and(|metric| statistic.is_none_or(|name| metric.get(name).is_some()))
        };
        let missing = self.readings.iter().filter(|one| !is_there(one));
        missing.map(|one| one.spelling.clone()).collect()
    }
}

/// Every reading that `source` looks up, written as `metrics.NAME.STAT` or `metrics['NAME'].STAT`.
fn readings(source: &str) -> Vec<Reading> {
    let mut found = Vec::new();
    for tag in tags(source) {
        let mut at = tag.start;
        while let Some(offset) = source.get(at..tag.end).and_then(|rest| rest.find(METRICS)) {
            let start = at + offset;
            at = start + METRICS.len();
            let before = source.get(..start).unwrap_or_default();
            let is_inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '\'' | '"');
            if !before.ends_with(is_inside) {
                found.extend(reading_at(source, start));
            }
        }
    }
    found
}

fn reading_at(source: &str, start: usize) -> Option<Reading> {
    let (metric, end) = member_at(source, start + METRICS.len())?;
    let statistic = member_at(source, end);
    let end = statistic.map_or(end, |(_, end)| end);
    Some(Reading {
        metric: metric.to_owned(),
        statistic: statistic.map(|(name, _)| name.to_owned()),
        spelling: source.get(start..end)?.to_owned(),
    })
}

/// The member `.NAME` or `['NAME']` at `at`, and where it ends.
fn member_at(source: &str, at: usize) -> Option<(&str, usize)> {
    let rest = source.get(at..)?;
    if rest.starts_with('.') {
        let name = word_at(source, at + 1);
        return (!name.is_empty()).then_some((name, at + 1 + name.len()));
    }
    let quote = rest.strip_prefix('[')?.chars().next()?;
    let name = rest.get(2..).filter(|_| matches!(quote, '\'' | '"'))?;
    let name = name.get(..name.find(quote)?)?;
    let end = at + 3 + name.len();
    source
        .get(end..)?
        .starts_with(']')
        .then_some((name, end + 1))
}

#[cfg(test)]
mod tests {
    use crate::rules::{Template, TemplateContext};
    use serde_json::json;

    fn render(source: &str) -> Result<String, Vec<String>> {
        let context: TemplateContext = serde_json::from_value(json!({
            "metrics": {"oWaiting": {"count": 3}}, "labels": {}, "queue_name": "Billing",
        }))
        .unwrap();
        let template = Template::parse(source).unwrap();
        template.render(&context).map_err(|error| error.missing)
    }

    #[test]
    fn a_reading_that_is_missing_with_its_metric_has_an_alternative() {
        for source in [
            "{{ metrics.tWait.avg or 'unknown' }}",
            "{{ metrics.tWait.avg | default('unknown') }}",
            "{{ metrics['queue.waitTime'].avg or 'unknown' }}",
            "{{ metrics[\"queue.waitTime\"]['avg'] or 'unknown' }}",
            "{{ (metrics.tWait or {}).avg or 'unknown' }}",
            "{{ outage.name or 'unknown' }}",
            "{{ ticket.number or incident.state or 'unknown' }}",
            "{% if metrics.tWait.avg %}{{ metrics.tWait.avg }}{% else %}unknown{% endif %}",
        ] {
            assert_eq!(render(source).as_deref(), Ok("unknown"), "{source}");
        }
        let known = "{{ metrics.oWaiting.count or 'unknown' }} {{ metrics.tWait.avg or '?' }}";
        assert_eq!(render(known).as_deref(), Ok("3 ?"));
    }

    #[test]
    fn without_an_alternative_it_is_named() {
        for (source, name) in [
            ("{{ metrics.tWait.avg }}", "metrics.tWait.avg"),
            (
                "{{ metrics['a.b'].avg }} {{ queue_name }}",
                "metrics['a.b'].avg",
            ),
            ("{{ metrics.tWait.avg | round }}", "metrics.tWait.avg"),
            ("{{ metrics.tWait }}", "metrics.tWait"),
            ("{{ metrics.oWaiting.avg }}", "metrics.oWaiting.avg"),
        ] {
            assert_eq!(render(source), Err(vec![name.to_owned()]), "{source}");
        }
        let asked = "{% if metrics.tWait is defined %}{{ metrics.tWait.avg }}{% endif %}-\
                     {{ metrics['oWaiting'].avg or outage.name or 'none' }}";
        assert_eq!(render(asked).as_deref(), Ok("-none"));
    }
}

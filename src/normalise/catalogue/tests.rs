//! The table is true: its samples give what it declares, and nothing else.

use std::collections::BTreeSet;

use super::*;
use crate::domain::signal::{FIELD_NAMES, Signal};
use crate::domain::time::Timestamp;
use crate::normalise::{Format, Outcome, normalise};

/// 2026-11-23T15:00:00Z, later than every sample.
const RECEIVED: Timestamp = Timestamp::from_millis(1_795_446_000_000);

fn outcome(sample: &Sample) -> Outcome {
    let body = serde_json::from_str(sample.body).unwrap();
    normalise(&Format::Genesys, &body, RECEIVED).outcome
}

fn signals(topic: &Topic) -> Vec<(&'static str, Signal)> {
    let read = |sample: &'static Sample| match outcome(sample) {
        Outcome::Signals(signals) => signals.into_iter().map(|signal| (sample.name, signal)),
        other => panic!("{}: {other:?}", sample.name),
    };
    topic.samples.iter().flat_map(read).collect()
}

fn with_effect() -> impl Iterator<Item = &'static Topic> {
    topics().filter(|topic| topic.has_effect())
}

#[test]
fn every_sample_gives_signals_of_its_type_with_nothing_that_is_not_declared() {
    for topic in with_effect() {
        for (sample, signal) in signals(topic) {
            assert_eq!(signal.event_type, topic.event_type, "{sample}");
            for name in signal.fields.keys() {
                assert!(topic.field(name).is_some(), "{sample}: field {name}");
            }
            for (name, reading) in &signal.metrics {
                let own = topic.metric(name);
                if own.is_none() && topic.has_other_metrics {
                    continue;
                }
                let metric = own.unwrap_or_else(|| panic!("{sample}: metric {name}"));
                let open = metric.qualifiers.is_some_and(<[_]>::is_empty);
                for statistic in reading.keys() {
                    let known = metric.unit(statistic).is_some();
                    assert!(known || open, "{sample}: {name}.{statistic}");
                }
            }
            if let Some(status) = signal.text("status") {
                assert!(topic.status(status).is_some(), "{sample}: status {status}");
            }
        }
    }
}

#[test]
fn everything_declared_is_in_some_sample() {
    for topic in with_effect() {
        let signals = signals(topic);
        let found = |what: String, is_in: &dyn Fn(&Signal) -> bool| {
            let mut signals = signals.iter();
            let is_found = signals.any(|(_, signal)| is_in(signal));
            assert!(is_found, "{}: no sample has {what}", topic.event_type);
        };
        assert!(!topic.samples.is_empty(), "{}", topic.event_type);
        for field in topic.fields {
            found(format!("the field {}", field.name), &|signal| {
                signal.fields.contains_key(field.name)
            });
        }
        for metric in topic.metrics {
            let statistics = metric.statistics.iter().map(|statistic| statistic.name);
            for statistic in statistics.chain(metric.qualifiers.into_iter().flatten().copied()) {
                found(format!("{}.{statistic}", metric.name), &|signal| {
                    let reading = signal.metrics.get(metric.name);
                    reading.is_some_and(|reading| reading.contains_key(statistic))
                });
            }
            if metric.row.is_some() {
                found(format!("a row of {}", metric.name), &|signal| {
                    let is_row = |name: &String| {
                        name != metric.name
                            && topic.metric(name).is_some_and(|of| of.name == metric.name)
                    };
                    signal.metrics.keys().any(is_row)
                });
            }
        }
    }
}

/// The part of the statuses that no sample needs to have: their names are the senders'.
#[test]
fn every_topic_with_statuses_has_a_sample_of_trouble_and_the_words_are_in_upper_case() {
    for topic in with_effect().filter(|topic| !topic.statuses.is_empty()) {
        let told: BTreeSet<String> = signals(topic)
            .iter()
            .filter_map(|(_, signal)| signal.text("status").map(str::to_owned))
            .collect();
        let is_told = |status: &&TopicStatus| told.contains(status.word);
        let told: Vec<Means> = topic
            .statuses
            .iter()
            .filter(is_told)
            .map(|s| s.means)
            .collect();
        assert!(told.contains(&Means::Trouble), "{}", topic.event_type);
        let mut words: Vec<&str> = topic.statuses.iter().map(|status| status.word).collect();
        assert!(words.iter().all(|word| *word == word.to_uppercase()));
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), topic.statuses.len(), "{}", topic.event_type);
    }
}

#[test]
fn a_topic_without_effect_says_why() {
    for topic in topics().filter(|topic| !topic.has_effect()) {
        assert!(
            matches!(topic.content, Content::Nothing(_)),
            "{}",
            topic.event_type
        );
        for sample in topic.samples {
            assert!(
                matches!(outcome(sample), Outcome::Nothing(_)),
                "{}",
                sample.name
            );
        }
    }
}

/// The division's name comes from the Platform API and from custom formats.
#[test]
fn the_fields_of_all_topics_are_the_fields_of_signals() {
    let declared: BTreeSet<&str> = topics()
        .flat_map(|topic| topic.fields)
        .map(|field| field.name)
        .chain(["division"])
        .collect();
    assert_eq!(declared, FIELD_NAMES.iter().copied().collect());
}

#[test]
fn the_default_key_of_a_topic_can_be_filled_from_each_of_its_samples() {
    use crate::rules::{Template, TemplateContext};
    for topic in with_effect() {
        let key = Template::parse(topic.subject.key().unwrap()).unwrap();
        for (sample, signal) in signals(topic) {
            let fields = serde_json::to_value(&signal.fields).unwrap();
            let fields: TemplateContext = serde_json::from_value(fields).unwrap();
            let key = key.render(&fields).unwrap();
            assert!(!key.trim().is_empty(), "{sample}");
        }
    }
}

#[test]
fn the_topics_of_the_eventbridge_template_are_those_of_the_table() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/deploy/genesys/eventbridge.yaml"
    );
    let template = std::fs::read_to_string(path).unwrap();
    let lines = template
        .lines()
        .map(|line| line.trim().trim_start_matches("# "));
    let mut listed: Vec<&str> = lines
        .filter_map(|line| line.strip_prefix("- v2."))
        .collect();
    let topics = with_effect().map(|topic| topic.event_type);
    let mut wanted: Vec<&str> = topics.filter_map(|name| name.strip_prefix("v2.")).collect();
    listed.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(listed, wanted);
}

#[test]
fn a_topic_knows_its_own_statuses_and_any_other_event_the_usual_words() {
    let edge = "v2.telephony.providers.edges.{id}";
    assert!(is_known_status(edge, "ONLINE"));
    assert!(!is_known_status(edge, "UP"));
    for other in ["telephony.trunk.status", "telephony.trunk.other", "custom"] {
        assert!(is_known_status(other, "IN_SERVICE"), "{other}");
        assert!(!is_known_status(other, "NOT CONNECTED"), "{other}");
    }
}

#[test]
fn a_row_of_a_metric_is_found_by_its_name() {
    let edge = topic("v2.telephony.providers.edges.{id}.metrics").unwrap();
    let memory = edge.metric("memory[physical].availableBytes").unwrap();
    assert_eq!(memory.name, "memory.availableBytes");
    assert_eq!(memory.unit("value"), Some(Unit::Bytes));
    assert!(edge.metric("upTime[x].value").is_none());
}

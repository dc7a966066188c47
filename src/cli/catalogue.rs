//! `ringdown catalogue [TOPIC]`: what Ringdown understands.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::config::pretty;
use super::outcome::{Failed, Outcome};
use super::table::{Column, details, render};
use super::{Global, print};
use crate::normalise::catalogue::{self, Sample, Topic, TopicMetric};
use crate::rules::nearest;

/// Show the event types that rules can name, or one of them with everything that it has.
#[derive(Debug, Args)]
pub(super) struct CatalogueArgs {
    /// An event type, or a topic's name with real ids.
    #[arg(value_name = "TOPIC")]
    topic: Option<String>,
}

const COLUMNS: &[Column] = &[
    ("event type", "/event_type"),
    ("about", "/about"),
    ("meaning", "/meaning"),
];

/// Shows all topics, or one.
pub(super) fn run(args: &CatalogueArgs, global: &Global) -> Outcome {
    let shown = match &args.topic {
        None => {
            let all: Vec<Value> = catalogue::topics().map(whole).collect();
            match global.output.is_json() {
                true => pretty(&Value::from(all)),
                false => render(&all, COLUMNS),
            }
        }
        Some(name) => {
            let topic = catalogue::topic(name).or_else(|| catalogue::find(name));
            let topic = topic.ok_or_else(|| unknown(name))?;
            match global.output.is_json() {
                true => pretty(&whole(topic)),
                false => in_words(topic),
            }
        }
    };
    print(&shown);
    Ok(ExitCode::SUCCESS)
}

fn unknown(name: &str) -> Failed {
    let names = || catalogue::topics().map(|topic| topic.event_type);
    // A part of a name is the commonest slip: `queue.observations`.
    let words: Vec<&str> = name
        .split(['.', ' '])
        .filter(|word| !word.is_empty())
        .collect();
    let has = |topic: &str, word: &str| topic.split('.').any(|one| one.starts_with(word));
    let has_all = |topic: &&str| words.iter().all(|word| has(topic, word));
    let other_case = names().find(|topic| topic.eq_ignore_ascii_case(name));
    let meant = other_case
        .or_else(|| nearest(name, names()))
        .or_else(|| names().find(has_all));
    Failed::usage(match meant {
        Some(meant) => format!("there is no topic {name}; did you mean {meant}?"),
        None => format!("there is no topic {name}; `ringdown catalogue` lists them all"),
    })
}

fn whole(topic: &Topic) -> Value {
    let fields = topic.fields.iter().map(|field| {
        json!({"name": field.name, "type": field.value_type.name(), "meaning": field.meaning})
    });
    let statuses = topic.statuses.iter();
    let statuses =
        statuses.map(|status| json!({"status": status.word, "means": status.means.name()}));
    json!({
        "event_type": topic.event_type,
        "about": topic.subject.name(),
        "meaning": topic.meaning,
        "key": topic.subject.key(),
        "fields": fields.collect::<Vec<_>>(),
        "metrics": topic.metrics.iter().map(metric).collect::<Vec<_>>(),
        "other_metrics": topic.has_other_metrics,
        "statuses": statuses.collect::<Vec<_>>(),
        "samples": topic.samples.iter().map(sample).collect::<Vec<_>>(),
    })
}

fn metric(metric: &TopicMetric) -> Value {
    let statistics = metric.statistics.iter();
    let statistics =
        statistics.map(|statistic| json!({"name": statistic.name, "unit": statistic.unit.name()}));
    json!({
        "name": metric.name,
        "meaning": metric.meaning,
        "kind": metric.kind.name(),
        "statistics": statistics.collect::<Vec<_>>(),
        "qualifiers": metric.qualifiers,
        "row": metric.row,
    })
}

fn sample(sample: &Sample) -> Value {
    let body: Value = serde_json::from_str(sample.body).unwrap_or_default();
    json!({"name": sample.name, "body": body})
}

fn in_words(topic: &Topic) -> String {
    let mut parts = vec![format!("{}\n{}", topic.event_type, topic.meaning)];
    let mut about = json!({"about": topic.subject.name()});
    if let Some(key) = topic.subject.key() {
        about["key"] = json!(key);
    }
    parts.push(details(&about));
    let all = whole(topic);
    let table = |name: &str, columns: &[Column]| {
        let rows = all[name].as_array().filter(|rows| !rows.is_empty())?;
        Some(render(rows, columns))
    };
    parts.extend(table(
        "fields",
        &[
            ("field", "/name"),
            ("type", "/type"),
            ("meaning", "/meaning"),
        ],
    ));
    let metrics: Vec<Value> = topic.metrics.iter().map(metric_row).collect();
    if !metrics.is_empty() {
        let columns = [
            ("metric", "/metric"),
            ("statistics", "/statistics"),
            ("span", "/kind"),
            ("meaning", "/meaning"),
        ];
        parts.push(render(&metrics, &columns));
    }
    parts.extend(table(
        "statuses",
        &[("status", "/status"), ("means", "/means")],
    ));
    let samples = topic.samples.iter();
    parts.extend(
        samples.map(|sample| format!("sample {}\n{}", sample.name, sample.body.trim_end())),
    );
    parts.join("\n\n")
}

fn metric_row(metric: &TopicMetric) -> Value {
    json!({
        "metric": metric.spelling(),
        "statistics": metric.statistics_in_words(),
        "kind": metric.kind.name(),
        "meaning": metric.meaning,
    })
}

//! Texts, words out of a list, names of other tables, expressions and templates.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::json;

use crate::domain::severity::Severity;
use crate::normalise::catalogue;
use crate::rules::{BadExpression, BadTemplate, Expression, Template, WrongCall, nearest};
use crate::settings::declare::Kind;
use crate::settings::problem::Mark;
use crate::settings::read::{Entry, Fault};

/// Any text but an empty one.
pub(crate) fn text() -> Kind<String> {
    text_called("text", |_| Ok(()))
}

/// A text that `check` does not refuse, called `type_name`.
pub(crate) fn text_called(
    type_name: &str,
    check: impl Fn(&str) -> Result<(), Fault> + 'static,
) -> Kind<String> {
    parsed(type_name, move |text| {
        check(text)?;
        Ok(text.to_owned())
    })
}

/// A text that `parse` understands, called `type_name`.
pub(crate) fn parsed<T: 'static>(
    type_name: &str,
    parse: impl Fn(&str) -> Result<T, Fault> + 'static,
) -> Kind<T> {
    let schema = json!({ "type": "string", "minLength": 1 });
    Kind::value(type_name, schema, move |entry| parse(entry.text()?))
}

/// One of a few words.
pub(crate) fn one_of<T: Clone>(choices: &'static [(&'static str, T)]) -> Kind<T> {
    let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
    Kind::value(quoted(&words), json!({ "enum": words }), move |entry| {
        let word = entry.text()?;
        let found = choices.iter().find(|(name, _)| *name == word);
        found
            .map(|(_, choice)| choice.clone())
            .ok_or_else(|| Fault::none_of(word, &words))
    })
}

/// Words as the reference lists them.
pub(crate) fn quoted(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}

/// One of a few words, as it is.
pub(crate) fn word_of(words: Vec<&'static str>) -> Kind<String> {
    Kind::value(quoted(&words), json!({ "enum": words }), move |entry| {
        let word = entry.text()?;
        if words.contains(&word) {
            return Ok(word.to_owned());
        }
        Err(Fault::none_of(word, &words))
    })
}

/// Words of other products for severities, in lower case.
const SEVERITIES: &[(&str, &str)] = &[
    ("urgent", "critical"),
    ("fatal", "critical"),
    ("emergency", "critical"),
    ("blocker", "critical"),
    ("disaster", "critical"),
    ("error", "high"),
    ("major", "high"),
    ("important", "high"),
    ("moderate", "medium"),
    ("warning", "medium"),
    ("warn", "medium"),
    ("normal", "medium"),
    ("average", "medium"),
    ("minor", "low"),
    ("trivial", "low"),
    ("information", "info"),
    ("informational", "info"),
    ("notice", "info"),
];

/// The severity that another product's word means, or its number: `sev1`, `P2`.
fn meant_severity(word: &str) -> Option<&'static str> {
    let lower = word.to_lowercase();
    let by_word = SEVERITIES.iter().find(|(other, _)| *other == lower);
    let number = lower.trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == '-');
    let place = number
        .parse::<usize>()
        .ok()
        .and_then(|number| number.checked_sub(1));
    let by_number = || Severity::WORST_FIRST.get(place?).map(|one| one.as_str());
    by_word.map(|(_, meant)| *meant).or_else(by_number)
}

/// The name of a severity.
pub(crate) fn severity() -> Kind<String> {
    let words = Severity::WORST_FIRST.map(Severity::as_str);
    Kind::value(quoted(&words), json!({ "enum": words }), move |entry| {
        let word = entry.text()?;
        if words.contains(&word) {
            return Ok(word.to_owned());
        }
        let fault = Fault::none_of(word, &words);
        let meant = meant_severity(word).map(str::to_owned);
        Err(Fault {
            suggestion: fault.suggestion.or(meant),
            ..fault
        })
    })
}

/// The name of a table that the user has made in `section`; one is called `one`.
pub(crate) fn name_of(section: &'static str, one: &'static str) -> Kind<String> {
    let schema = json!({ "type": "string", "minLength": 1 });
    Kind::value(one, schema, move |entry| {
        let name = entry.text()?;
        if let Some(known) = entry.reading.names(section) {
            known_name(one, name, &known)?;
        }
        Ok(name.to_owned())
    })
}

/// Whether `name` is one of `known`, each of which is called `one`.
pub(crate) fn known_name(one: &str, name: &str, known: &[&str]) -> Result<(), Fault> {
    if known.contains(&name) {
        return Ok(());
    }
    let suggestion = nearest(name, known.iter().copied());
    Err(Fault::suggesting(
        format!("there is no {one} `{name}`"),
        suggestion,
    ))
}

/// The type of an event. An editor offers those that are known.
pub(crate) fn event_type() -> Kind<String> {
    let known: Vec<&str> = catalogue::topics()
        .filter(|topic| topic.has_effect())
        .map(|topic| topic.event_type)
        .collect();
    let schema = json!({ "anyOf": [{ "enum": known }, { "type": "string", "minLength": 1 }] });
    Kind::value("event type", schema, |entry| Ok(entry.text()?.to_owned()))
}

/// `metrics[NAME].STAT` of every known metric, for editors that offer examples.
fn readings() -> Vec<String> {
    let metrics = catalogue::topics().flat_map(|topic| topic.metrics);
    let readings = metrics.flat_map(|metric| {
        let statistics = metric.statistics.iter();
        statistics.map(|statistic| format!("metrics[{}].{}", metric.name, statistic.name))
    });
    let distinct: BTreeSet<String> = readings.collect();
    distinct.into_iter().collect()
}

/// An expression. An editor offers the readings that are known.
pub(crate) fn condition() -> Kind<Expression> {
    let schema = json!({ "type": "string", "minLength": 1, "examples": readings() });
    Kind::value("expression", schema, read_expression)
}

pub(crate) fn expression() -> Kind<Expression> {
    let schema = json!({ "type": "string", "minLength": 1 });
    Kind::value("expression", schema, read_expression)
}

fn read_expression(entry: &Entry<'_>) -> Result<Expression, Fault> {
    let source = entry.text()?;
    entry.reading.expressions.parse(source).map_err(|error| {
        let reason = error.to_string();
        match error {
            BadExpression::Syntax(slip) => Fault {
                help: slip.help,
                mark: Mark::Within(slip.span),
                ..reason.into()
            },
            BadExpression::UnknownName {
                name,
                suggestion,
                span,
            } => match reading_of(&name) {
                Some(reading) => Fault {
                    help: Some(format!("a metric is written {reading}")),
                    ..unknown("name", &name, None::<&str>, span)
                },
                None => Fault {
                    help: suggestion.is_none().then(|| quote_it(&name)).flatten(),
                    ..unknown("name", &name, suggestion, span)
                },
            },
            BadExpression::UnknownFunction {
                name,
                suggestion,
                help,
                span,
            } => Fault {
                help,
                ..unknown("function", &name, suggestion, span)
            },
            BadExpression::WrongCall(WrongCall { help, span, .. }) => Fault {
                help: Some(help),
                mark: mark(span),
                ..reason.into()
            },
            BadExpression::NotALookup { span, .. } => Fault {
                help: without_statistic(source).or_else(|| {
                    Some(
                        "write the name itself, and not a variable: metrics[oWaiting].count"
                            .to_owned(),
                    )
                }),
                mark: mark(span),
                ..reason.into()
            },
        }
    })
}

pub(crate) fn template() -> Kind<Template> {
    parsed("template", parse_template)
}

pub(crate) fn parse_template(text: &str) -> Result<Template, Fault> {
    Template::parse(text).map_err(|error| {
        let reason = error.to_string();
        match error {
            BadTemplate::UnknownName {
                name,
                suggestion,
                help,
                span,
            } => Fault {
                help,
                ..unknown("name", &name, suggestion, span)
            },
            BadTemplate::UnknownFilter {
                name,
                suggestion,
                span,
            } => unknown("filter", &name, suggestion, Some(span)),
            BadTemplate::UnknownTest {
                name,
                suggestion,
                span,
            } => unknown("test", &name, suggestion, Some(span)),
            BadTemplate::Syntax { help, span, .. } => Fault {
                help,
                mark: mark(span),
                ..reason.into()
            },
        }
    })
}

/// `name` is no `what`.
fn unknown(
    what: &str,
    name: &str,
    suggestion: Option<impl Into<String>>,
    span: Option<Range<usize>>,
) -> Fault {
    Fault {
        mark: mark(span),
        ..Fault::suggesting(format!("unknown {what} `{name}`"), suggestion)
    }
}

fn mark(span: Option<Range<usize>>) -> Mark {
    span.map_or(Mark::Value, Mark::Within)
}

/// `metrics[NAME].STAT` of a metric that is known under `name`.
fn reading_of(name: &str) -> Option<String> {
    let mut known = catalogue::topics().filter_map(|topic| topic.metric(name));
    let statistic = known.find_map(|metric| {
        let has = |wanted: &str| metric.statistics.iter().any(|one| one.name == wanted);
        let usual = ["avg", "count", "value"].into_iter().find(|one| has(one));
        usual.or_else(|| metric.statistics.first().map(|one| one.name))
    });
    Some(format!("metrics[{name}].{}", statistic?))
}

/// What to write for the first `metrics[NAME]` in `source` that has no statistic.
fn without_statistic(source: &str) -> Option<String> {
    let mut rests = source.match_indices("metrics[").filter_map(|(at, begin)| {
        let (name, rest) = source.get(at + begin.len()..)?.split_once(']')?;
        (!rest.trim_start().starts_with(['.', ']', '['])).then_some(name)
    });
    // The same with a dot, where only `has` shows that nothing follows.
    let dotted = || {
        let (_, rest) = source.split_once("has(metrics.")?;
        let (name, _) = rest.split_once(')')?;
        (!name.contains('.')).then_some(name)
    };
    let name = rests.next().or_else(dotted)?.trim_matches(['"', '\'']);
    let reading = reading_of(name).unwrap_or_else(|| format!("metrics[{name}].count"));
    Some(format!("add a statistic, such as {reading}"))
}

/// `DOWN` and `voice` are texts without their quotes, more likely than names.
fn quote_it(name: &str) -> Option<String> {
    let lower = name.to_lowercase();
    let is_word = ["true", "false"].contains(&&*lower);
    match is_word {
        true => Some(format!("write `{lower}`")),
        false => Some(format!("if it is a text, write \"{name}\" in quotes")),
    }
}

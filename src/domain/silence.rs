//! Silences: who they cover, and until when. A silence is a matcher and a time span in which no
//! ticket is opened; a maintenance window in the configuration is one that repeats.
//!
//! Owns the text form of a matcher and the question whether anything covers a subject. Pure.
//! May import: `domain` and `regex`, which takes linear time whatever the pattern.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::decision::Known;
use super::hold::Hold;
use super::incident::IncidentState;
use super::time::Timestamp;

/// Longest text of a matcher, in bytes.
const LONGEST_TEXT: usize = 512;
/// Most that a compiled pattern may take, in bytes.
const LARGEST_PATTERN: usize = 256 * 1024;

/// Which value of a subject a matcher looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// The source of the breach.
    Source,
    /// The rule that found it.
    Rule,
    /// The correlation key.
    Key,
    /// The signal's label of this name; one that it lacks counts as empty.
    Label(String),
}

#[derive(Debug, Clone)]
enum Test {
    Equals(String),
    Differs(String),
    Like(Regex),
    Unlike(Regex),
}

/// A condition on one value: `rule=queue-wait`, `labels.site!=Berlin`, `key=~Billing.*`,
/// `key!~Test.*`. A pattern has to fit the whole value.
#[derive(Debug, Clone)]
pub struct Matcher {
    text: String,
    name: Name,
    test: Test,
}

/// A text that is not a matcher.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadMatcher {
    /// There is no operator in it.
    #[error(
        "`{0}` is not a matcher such as rule=queue-wait, labels.site!=Berlin or key=~Billing.*"
    )]
    NoOperator(String),
    /// It looks at something that there is not.
    #[error("there is no `{0}` to match; there are source, rule, key and labels.NAME")]
    UnknownName(String),
    /// It compares with nothing.
    #[error("{0} has no value; write {0}=\"\" for a label that is not there")]
    NoValue(String),
    /// `==`.
    #[error("write one `=`: {0}")]
    TwoEquals(String),
    /// The pattern is none.
    #[error("the pattern of {name} is not a regular expression: {problem}")]
    Pattern {
        /// What it looks at.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// It is too long.
    #[error("a matcher has at most {LONGEST_TEXT} bytes")]
    TooLong,
}

impl Matcher {
    /// Reads the text form.
    ///
    /// # Errors
    ///
    /// [`BadMatcher`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, BadMatcher> {
        let text = text.trim();
        if text.len() > LONGEST_TEXT {
            return Err(BadMatcher::TooLong);
        }
        let no_operator = || BadMatcher::NoOperator(text.to_owned());
        let place = text.find(['=', '!']).ok_or_else(no_operator)?;
        let (name, rest) = text.split_at(place);
        let name = name.trim();
        let (operator, value) = ["=~", "!~", "!=", "="]
            .into_iter()
            .find_map(|operator| Some((operator, rest.strip_prefix(operator)?)))
            .ok_or_else(no_operator)?;
        if operator == "=" && value.starts_with('=') {
            let meant = format!("{name}={}", value.trim_start_matches('='));
            return Err(BadMatcher::TwoEquals(meant));
        }
        Ok(Self {
            name: parse_name(name)?,
            test: parse_test(name, operator, value.trim())?,
            text: text.to_owned(),
        })
    }

    /// What it looks at.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The value that it wants, where it wants exactly one.
    pub fn wanted(&self) -> Option<&str> {
        match &self.test {
            Test::Equals(value) => Some(value),
            Test::Differs(_) | Test::Like(_) | Test::Unlike(_) => None,
        }
    }

    /// Whether it holds of `subject`. Of what a subject does not have nothing holds.
    pub fn holds(&self, subject: &Subject<'_>) -> bool {
        let value = match &self.name {
            Name::Source => subject.source,
            Name::Rule => Some(subject.rule),
            Name::Key => Some(subject.key),
            Name::Label(name) => {
                let labels = subject.labels.as_ref();
                labels.map(|labels| labels.get(name.as_str()).copied().unwrap_or_default())
            }
        };
        value.is_some_and(|value| match &self.test {
            Test::Equals(wanted) => value == wanted,
            Test::Differs(unwanted) => value != unwanted,
            Test::Like(pattern) => pattern.is_match(value),
            Test::Unlike(pattern) => !pattern.is_match(value),
        })
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

fn parse_name(name: &str) -> Result<Name, BadMatcher> {
    match name {
        "source" => Ok(Name::Source),
        "rule" => Ok(Name::Rule),
        "key" => Ok(Name::Key),
        _ => match name.strip_prefix("labels.").filter(|name| !name.is_empty()) {
            Some(label) => Ok(Name::Label(label.to_owned())),
            None => Err(BadMatcher::UnknownName(name.to_owned())),
        },
    }
}

fn parse_test(name: &str, operator: &str, value: &str) -> Result<Test, BadMatcher> {
    let quoted = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    if value.is_empty() {
        return Err(BadMatcher::NoValue(name.to_owned()));
    }
    let value = quoted.unwrap_or(value);
    let compile = |pattern: &str| {
        RegexBuilder::new(pattern)
            .size_limit(LARGEST_PATTERN)
            .dot_matches_new_line(true)
            .build()
            .map_err(|error| BadMatcher::Pattern {
                name: name.to_owned(),
                problem: error.to_string(),
            })
    };
    // By itself first: its brackets must not close those around it.
    let pattern = || compile(value).and_then(|_| compile(&format!("^(?:{value})$")));
    Ok(match operator {
        "=" => Test::Equals(value.to_owned()),
        "!=" => Test::Differs(value.to_owned()),
        "=~" => Test::Like(pattern()?),
        _ => Test::Unlike(pattern()?),
    })
}

/// What a silence may cover: a breach, or an outage, which has no source and no labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject<'a> {
    /// The source of the breach.
    pub source: Option<&'a str>,
    /// The rule; `outage:NAME` for an outage.
    pub rule: &'a str,
    /// The correlation key.
    pub key: &'a str,
    /// The signal's labels.
    pub labels: Option<BTreeMap<&'a str, &'a str>>,
}

/// Who made a silence: a person, and why it is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Silence {
    /// Its id.
    pub id: String,
    /// All of them must hold.
    pub matchers: Arc<[Matcher]>,
    /// From when.
    pub starts_at: Timestamp,
    /// Until when, exclusive.
    pub ends_at: Timestamp,
}

impl Silence {
    /// The silence as it is in force at `at`.
    pub fn in_force(&self, at: Timestamp) -> Option<InForce<'_>> {
        (self.starts_at <= at && at < self.ends_at).then_some(InForce {
            what: "silence",
            name: &self.id,
            matchers: &self.matchers,
            until: self.ends_at,
        })
    }
}

/// A silence or a maintenance window that is in force.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InForce<'a> {
    /// `silence` or `maintenance window`.
    pub what: &'static str,
    /// Its id or name.
    pub name: &'a str,
    /// All of them must hold.
    pub matchers: &'a [Matcher],
    /// Until when.
    pub until: Timestamp,
}

/// What silences a breach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cover {
    /// `silence 17`, `maintenance window sunday`.
    pub by: String,
    /// Until when. What follows it without a gap is asked for then.
    pub until: Timestamp,
}

impl fmt::Display for Cover {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} until {}", self.by, self.until)
    }
}

/// The one of `in_force` that covers `subject` and ends last.
pub fn silenced_until<'a>(
    in_force: impl IntoIterator<Item = InForce<'a>>,
    subject: &Subject<'_>,
) -> Option<Cover> {
    let covers = |one: &InForce<'_>| {
        !one.matchers.is_empty() && one.matchers.iter().all(|matcher| matcher.holds(subject))
    };
    let last = in_force
        .into_iter()
        .filter(covers)
        .max_by_key(|one| one.until)?;
    Some(Cover {
        by: format!("{} {}", last.what, last.name),
        until: last.until,
    })
}

/// Makes `silence` what covers the key at `now`, before anything is decided on it. An incident
/// whose silence is over waits for `hold` once more: the outage that it may be part of can only
/// form now.
pub fn cover(known: &mut Known, silence: Option<Cover>, hold: Option<Hold>, now: Timestamp) {
    let pending = known.incident.as_mut();
    if let Some(incident) = pending.filter(|one| one.state == IncidentState::Pending) {
        if incident.silence.is_some() && silence.is_none() {
            incident.silenced_until = Some(now);
            if let Some(hold) = hold
                && incident.opens_at.is_none_or(|at| at < hold.until)
            {
                incident.opens_at = Some(hold.until);
                incident.waits_for = Some(hold.reason);
            }
        }
        incident.silence.clone_from(&silence);
    }
    known.silence = silence;
}

#[cfg(test)]
#[path = "silence_tests.rs"]
mod tests;

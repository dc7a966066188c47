//! Matchers: conditions on the source, rule, key and labels of a breach, and their text form.

use std::collections::BTreeMap;
use std::fmt;

// Its time is linear in the text, for every pattern.
use regex::{Regex, RegexBuilder};

/// Longest text of a matcher, in bytes.
const MAX_TEXT: usize = 512;
/// Largest compiled pattern, in bytes.
const MAX_PATTERN: usize = 256 * 1024;

/// Which value of a subject a matcher looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    Source,
    Rule,
    /// The correlation key.
    Key,
    /// A label of the signal; a label that it lacks counts as empty.
    Label(String),
}

#[derive(Debug, Clone)]
enum Test {
    Equals(String),
    Differs(String),
    Matches(Regex),
    MatchesNot(Regex),
}

/// A condition on one value: `rule=queue-wait`, `labels.site!=Berlin`, `key=~Billing.*`,
/// `key!~Test.*`. A pattern must match the whole value.
#[derive(Debug, Clone)]
pub struct Matcher {
    text: String,
    name: Name,
    test: Test,
}

/// A text that is not a matcher.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadMatcher {
    /// It has no operator.
    #[error(
        "`{0}` is not a matcher such as rule=queue-wait, labels.site!=Berlin or key=~Billing.*"
    )]
    NoOperator(String),
    #[error("there is no `{0}` to match; there are source, rule, key and labels.NAME")]
    UnknownName(String),
    #[error("{0} has no value; write {0}=\"\" for a label that is not there")]
    NoValue(String),
    #[error("write one `=`: {0}")]
    TwoEquals(String),
    #[error("the pattern of {name} is not a regular expression: {problem}")]
    Pattern { name: String, problem: String },
    #[error("a matcher has at most {MAX_TEXT} bytes")]
    TooLong,
}

impl Matcher {
    /// Reads the text form.
    pub fn parse(text: &str) -> Result<Self, BadMatcher> {
        let text = text.trim();
        if text.len() > MAX_TEXT {
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

    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The value that it wants, where it wants exactly one (`=`).
    pub fn wanted(&self) -> Option<&str> {
        match &self.test {
            Test::Equals(value) => Some(value),
            Test::Differs(_) | Test::Matches(_) | Test::MatchesNot(_) => None,
        }
    }

    /// Whether it holds for `subject`. No condition holds for a value that the subject lacks.
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
            Test::Matches(pattern) => pattern.is_match(value),
            Test::MatchesNot(pattern) => !pattern.is_match(value),
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
            .size_limit(MAX_PATTERN)
            .dot_matches_new_line(true)
            .build()
            .map_err(|error| BadMatcher::Pattern {
                name: name.to_owned(),
                problem: error.to_string(),
            })
    };
    // The pattern must compile alone: otherwise `a)|(b` would close the brackets around it.
    let pattern = || compile(value).and_then(|_| compile(&format!("^(?:{value})$")));
    Ok(match operator {
        "=" => Test::Equals(value.to_owned()),
        "!=" => Test::Differs(value.to_owned()),
        "=~" => Test::Matches(pattern()?),
        _ => Test::MatchesNot(pattern()?),
    })
}

/// The values that matchers compare: of a breach, or of an outage, which has no source and no
/// labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject<'a> {
    pub source: Option<&'a str>,
    /// The rule; `outage:NAME` for an outage.
    pub rule: &'a str,
    /// The correlation key.
    pub key: &'a str,
    pub labels: Option<BTreeMap<&'a str, &'a str>>,
}

#[cfg(test)]
#[path = "matcher_tests.rs"]
mod tests;

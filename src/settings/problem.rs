//! What is said about a configuration: errors, warnings, and each value in effect.
//!
//! Plain values without I/O; none of them ever holds a secret.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

/// What a problem prevents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It must be mended before a start.
    Error,
    /// The configuration works, but perhaps not as its writer thinks.
    Warning,
}

/// Something to mend in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub level: Level,
    /// The key's full path (`rules.queue-wait.when`), or the file or variable that is at fault.
    pub path: String,
    /// What is wrong, and perhaps what would be right.
    pub reason: String,
    /// The known name nearest to an unknown one, or the value that was most likely meant.
    pub suggestion: Option<String>,
    /// What to do.
    pub help: Option<String>,
    /// Where the value was set: a file with its line, or an environment variable.
    pub layer: Option<String>,
    pub mark: Mark,
    /// Where the mark is, in a file.
    pub place: Option<Place>,
}

/// What a problem points at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Mark {
    #[default]
    Value,
    Key,
    /// This entry of the list that is the value, from 0 on.
    Entry(usize),
    /// These bytes of the text that is the value.
    Within(Range<usize>),
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub file: String,
    /// From 1 on.
    pub line: usize,
    /// In characters, from 1 on.
    pub column: usize,
    /// The line as it may be shown: without secrets. `None`: it may not.
    pub text: Option<String>,
    /// The marked characters of `text`.
    pub marked: Range<usize>,
}

impl Problem {
    /// An error at `path`.
    pub fn error(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            level: Level::Error,
            path: path.into(),
            reason: reason.into(),
            suggestion: None,
            help: None,
            layer: None,
            mark: Mark::Value,
            place: None,
        }
    }

    /// A warning at `path`.
    pub fn warning(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            level: Level::Warning,
            ..Self::error(path, reason)
        }
    }

    #[must_use]
    pub fn with_help(self, help: impl Into<String>) -> Self {
        Self {
            help: Some(help.into()),
            ..self
        }
    }

    #[must_use]
    pub fn suggesting(self, suggestion: Option<impl Into<String>>) -> Self {
        Self {
            suggestion: suggestion.map(Into::into),
            ..self
        }
    }

    /// Points at these bytes of the text at `path`.
    #[must_use]
    pub fn within(self, span: Option<Range<usize>>) -> Self {
        Self {
            mark: span.map_or(self.mark, Mark::Within),
            ..self
        }
    }

    /// What to do, in words.
    pub fn advice(&self) -> Option<String> {
        let meant = |meant: &String| format!("did you mean `{meant}`?");
        let suggestion = self.suggestion.as_ref().map(meant);
        match (suggestion, &self.help) {
            (Some(suggestion), Some(help)) => Some(format!("{suggestion} {help}")),
            (suggestion, help) => suggestion.or_else(|| help.clone()),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.path, self.reason)?;
        if let Some(advice) = self.advice() {
            write!(formatter, "; {advice}")?;
        }
        match (&self.place, &self.layer) {
            (Some(place), _) => write!(formatter, " ({place})"),
            (None, Some(layer)) => write!(formatter, " ({layer})"),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One key with the value that is in effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectiveValue {
    /// The key's full path.
    pub path: String,
    /// The value as TOML; a secret as the place it came from.
    pub shown: String,
    /// Where the value was set: a file with its line, an environment variable, or `built-in`.
    pub layer: String,
}

/// A configuration that cannot be used, with everything that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadError {
    /// All errors, in the order of the sections.
    pub problems: Vec<Problem>,
    /// What was warned about besides.
    pub warnings: Vec<Problem>,
}

impl LoadError {
    /// An error of `problems` alone.
    pub(super) const fn of(problems: Vec<Problem>) -> Self {
        Self {
            problems,
            warnings: Vec::new(),
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        write!(formatter, "{count} {noun} in the configuration")?;
        for problem in &self.problems {
            write!(formatter, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for LoadError {}

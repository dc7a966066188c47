//! What loading says about a configuration: problems, warnings, and each value in effect.
//!
//! Plain values without I/O; none of them ever holds a secret.

use std::fmt;

use serde::Serialize;

/// Something in the configuration that must be mended before a start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The key's full path (`rules.queue-wait.when`), or the file or variable that is at fault.
    pub path: String,
    /// What is wrong and what would be right.
    pub reason: String,
    /// The known name nearest to an unknown one, or the value that was most likely meant.
    pub suggestion: Option<String>,
    /// Where the value was set: a file with its line, or an environment variable.
    pub layer: Option<String>,
}

impl Problem {
    pub(super) fn new(path: &str, reason: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            reason: reason.into(),
            suggestion: None,
            layer: None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.path, self.reason)?;
        if let Some(suggestion) = &self.suggestion {
            write!(formatter, "; did you mean `{suggestion}`?")?;
        }
        match &self.layer {
            Some(layer) => write!(formatter, " ({layer})"),
            None => Ok(()),
        }
    }
}

/// Something that works, but perhaps not as its writer thinks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The key's full path.
    pub path: String,
    /// What to know about it.
    pub reason: String,
    /// Where the value was set, where it was.
    pub layer: Option<String>,
}

impl fmt::Display for Warning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.path, self.reason)?;
        match &self.layer {
            Some(layer) => write!(formatter, " ({layer})"),
            None => Ok(()),
        }
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
    /// All problems, in the order of the sections.
    pub problems: Vec<Problem>,
    /// What was warned about besides.
    pub warnings: Vec<Warning>,
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

//! Why a value cannot be used.

use crate::rules::nearest;
use crate::settings::crm::InvalidValue;
use crate::settings::problem::Mark;

/// Why a value cannot be used. Its text never repeats a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// What is wrong, and what would be right.
    pub(crate) reason: String,
    /// The value that was most likely meant.
    pub(crate) suggestion: Option<String>,
    /// What to do.
    pub(crate) help: Option<String>,
    pub(crate) mark: Mark,
}

impl Fault {
    /// A fault with the value that was most likely meant, if there is one.
    pub(crate) fn suggesting(
        reason: impl Into<String>,
        suggestion: Option<impl Into<String>>,
    ) -> Self {
        Self {
            reason: reason.into(),
            suggestion: suggestion.map(Into::into),
            help: None,
            mark: Mark::Value,
        }
    }

    /// `word` is none of `choices`.
    pub(crate) fn none_of(word: &str, choices: &[&str]) -> Self {
        let reason = format!("`{word}` is none of {}", choices.join(", "));
        let like = |word: &str| nearest(word, choices.iter().copied());
        Self::suggesting(reason, like(word).or_else(|| like(&word.to_lowercase())))
    }
}

impl From<InvalidValue> for Fault {
    fn from(invalid: InvalidValue) -> Self {
        Self::suggesting(invalid.reason, invalid.suggestion)
    }
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self::suggesting(reason, None::<String>)
    }
}

impl From<&str> for Fault {
    fn from(reason: &str) -> Self {
        reason.to_owned().into()
    }
}

//! What a check of the pre-flight found.

use serde::Serialize;

/// In the order in which people should read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Error,
    /// Works, or may work; a person should look.
    Warning,
    /// Not made; the message says why.
    Skipped,
    /// Nothing has to be changed.
    Ok,
}

/// One check of one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    pub target: String,
    /// The name of the check: `dns`, `tls`, `clock`, `login`, `field`, …
    pub check: &'static str,
    /// The CRM's field, where the check is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    pub result: Outcome,
    /// What was found. Never holds a secret.
    pub message: String,
    /// How to correct it; absent where nothing has to be corrected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// What a check found, before it is known for which target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(super) check: &'static str,
    pub(super) field: Option<String>,
    pub(super) result: Outcome,
    pub(super) message: String,
    remedy: Option<String>,
}

impl Finding {
    pub(super) fn of(check: &'static str, result: Outcome, message: impl Into<String>) -> Self {
        Self {
            check,
            field: None,
            result,
            message: message.into(),
            remedy: None,
        }
    }

    pub(super) fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self::of(check, Outcome::Ok, message)
    }

    pub(super) fn warning(
        check: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::of(check, Outcome::Warning, message).with_remedy(remedy)
    }

    pub(super) fn error(
        check: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::of(check, Outcome::Error, message).with_remedy(remedy)
    }

    pub(super) fn skipped(check: &'static str, message: impl Into<String>) -> Self {
        Self::of(check, Outcome::Skipped, message)
    }

    pub(super) fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    pub(super) fn about(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    pub(super) fn is_error(&self) -> bool {
        self.result == Outcome::Error
    }

    pub(super) fn at(self, target: &str) -> Check {
        Check {
            target: target.to_owned(),
            check: self.check,
            field: self.field,
            result: self.result,
            message: self.message,
            remedy: self.remedy,
        }
    }
}

//! Failures of deliveries: their kinds (contract, promise 4), and what to do about each.
//!
//! The client of a CRM classifies them; `domain::retry` decides by the classification alone.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The kind of a failure, as it is counted, logged and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The CRM could not be reached, or did not answer as a CRM does.
    NetworkFailure,
    /// The CRM asked us to slow down.
    RateLimited,
    /// The CRM refused our credentials, or refused to renew them.
    AuthFailure,
    /// The CRM understood the request and refused it.
    IntegrationFailure,
    /// The event was not understood, or a template met a missing value.
    SchemaMismatch,
}

impl FailureKind {
    /// Every kind, in the contract's order.
    pub const ALL: [Self; 5] = [
        Self::NetworkFailure,
        Self::RateLimited,
        Self::AuthFailure,
        Self::IntegrationFailure,
        Self::SchemaMismatch,
    ];

    /// The contract's name for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NetworkFailure => "network_failure",
            Self::RateLimited => "rate_limited",
            Self::AuthFailure => "auth_failure",
            Self::IntegrationFailure => "integration_failure",
            Self::SchemaMismatch => "schema_mismatch",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What to do after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// Try again after the retry policy's delay; costs one attempt.
    Retry,
    /// The whole target waits (rate limit, sleeping instance); costs no attempt.
    /// `None`: the CRM did not say how long.
    PauseTarget(Option<Duration>),
    /// The whole target waits until a person corrects credentials or configuration. Meanwhile it
    /// is probed less and less often; costs no attempt.
    HoldTarget,
    /// A retry cannot help: dead letter.
    GiveUp,
}

/// A failed call to a CRM, with all that a person needs to act on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub kind: FailureKind,
    pub remedy: Remedy,
    /// Whether the operation may have taken effect all the same. The ticket is then looked up by
    /// our key before anything is sent again.
    pub outcome_unknown: bool,
    /// How long to wait until such a look-up can be trusted.
    pub settle_after: Duration,
    /// The HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// The CRM's own error code.
    pub code: Option<String>,
    /// The CRM's own message, or the fault on the way to it. Never holds a secret.
    pub message: String,
    /// The CRM's field that the message concerns.
    pub field: Option<String>,
}

impl Failure {
    /// A failure of an operation that certainly had no effect.
    pub fn new(kind: FailureKind, remedy: Remedy, message: impl Into<String>) -> Self {
        Self {
            kind,
            remedy,
            outcome_unknown: false,
            settle_after: Duration::ZERO,
            status: None,
            code: None,
            message: message.into(),
            field: None,
        }
    }

    /// Marks the operation as one that may have taken effect all the same.
    #[must_use]
    pub fn in_doubt(mut self) -> Self {
        self.outcome_unknown = true;
        self
    }

    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.kind)?;
        if let Some(status) = self.status {
            write!(formatter, " (HTTP {status})")?;
        }
        if let Some(code) = &self.code {
            write!(formatter, " {code}")?;
        }
        write!(formatter, ": {}", self.message)?;
        if let Some(field) = &self.field {
            write!(formatter, " [{field}]")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

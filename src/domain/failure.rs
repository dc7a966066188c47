//! Failures of deliveries: their kinds, and what to do about each.
//!
//! The client of a CRM classifies them: what a failure is about, and what ends it. One table maps
//! the pair to what follows, for every CRM.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Declares the kinds once, so that `ALL` cannot lack one.
macro_rules! kinds {
    ($($(#[$meaning:meta])* $kind:ident => $name:literal,)+) => {
        /// The kind of a failure, as it is counted, logged and shown.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum FailureKind {
            $($(#[$meaning])* $kind,)+
        }

        impl FailureKind {
            /// Every kind.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$kind),+];

            /// Its name in the log, in metrics and in the API.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }
        }
    };
}

kinds! {
    /// The CRM could not be reached, or did not answer as a CRM does.
    NetworkFailure => "network_failure",
    /// The CRM asked us to slow down.
    RateLimited => "rate_limited",
    /// The CRM refused our credentials, or refused to renew them.
    AuthFailure => "auth_failure",
    /// The CRM understood the request and refused it.
    IntegrationFailure => "integration_failure",
    /// The event was not understood, or a template met a missing value.
    SchemaMismatch => "schema_mismatch",
}

impl FailureKind {
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What a failure is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureScope {
    /// This ticket, or this request for it.
    Ticket,
    /// Our user in the CRM, its password or its rights.
    User,
    /// The settings of this target: its address, its table, a field that every ticket has.
    Configuration,
    /// The whole organisation or instance: maintenance, a limit, storage.
    Organisation,
    /// Something in front of the CRM: the network, a proxy, a firewall. Also every response that
    /// is not clearly the CRM's own.
    Network,
}

/// What ends a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResolvedBy {
    /// It ends by itself.
    Time,
    /// A person changes something in the CRM.
    PersonInCrm,
    /// A person changes our configuration.
    PersonInConfiguration,
    /// The CRM will never accept this content.
    Nothing,
}

/// The two answers of a CRM's client about a failure. They alone decide what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FailureClass {
    pub scope: FailureScope,
    pub resolved_by: ResolvedBy,
}

/// The class of a failure that is about `scope` and ends by `resolved_by`.
pub const fn class(scope: FailureScope, resolved_by: ResolvedBy) -> FailureClass {
    FailureClass { scope, resolved_by }
}

/// What to do after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Try this delivery again after the retry policy's wait; costs one attempt. When all are used
    /// up, the delivery is parked.
    Retry,
    /// The whole target waits. It costs no attempt, and ends when a write succeeds. `None`: the
    /// CRM did not say how long.
    PauseTarget(Option<Duration>),
    /// The whole target waits until a person has removed the obstacle. It is probed ever more
    /// slowly meanwhile; costs no attempt.
    HoldTarget,
    /// This ticket waits, and is tried again rarely. All other tickets pass.
    Park,
    /// A dead letter: a person is needed.
    GiveUp,
}

impl FailureClass {
    /// What follows. `wait` is the time that the CRM asked for.
    pub const fn remedy(self, wait: Option<Duration>) -> Remedy {
        use FailureScope::{Configuration, Network, Organisation, Ticket, User};
        use ResolvedBy::{Nothing, PersonInConfiguration, PersonInCrm, Time};
        match (self.scope, self.resolved_by) {
            (Ticket, Time) => Remedy::Retry,
            // An approval or a lock of the record can last for days.
            (Ticket, PersonInCrm) => Remedy::Park,
            (Ticket, PersonInConfiguration | Nothing) => Remedy::GiveUp,
            // Without an answer only the number of such failures shows whether the CRM is down.
            (Network, Time) if wait.is_none() => Remedy::Retry,
            (User | Configuration | Organisation | Network, Time) => Remedy::PauseTarget(wait),
            (
                User | Configuration | Organisation | Network,
                PersonInCrm | PersonInConfiguration | Nothing,
            ) => Remedy::HoldTarget,
        }
    }
}

const fn class_of_earlier_rows() -> FailureClass {
    class(FailureScope::Ticket, ResolvedBy::Time)
}

/// What a failure that certainly had no effect says about the attempts before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EarlierAttempts {
    /// Nothing: they may have had one, if they were in doubt.
    #[default]
    AsBefore,
    /// The ticket was looked up before: they had none either.
    HadNone,
    /// A look-up has found nothing, but what gave the answer may pass the request on later. A repetition
    /// does no harm, because the CRM refuses a second record. A ticket in another CRM would.
    MayComeLate,
}

/// A failed call to a CRM, with all that a person needs to act on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub kind: FailureKind,
    /// Rows that were stored before failures had a class are about one ticket.
    #[serde(default = "class_of_earlier_rows")]
    pub class: FailureClass,
    /// How long the CRM asks us to wait.
    #[serde(default)]
    pub wait: Option<Duration>,
    /// Whether another try counts against our user: some CRMs lock a user after five wrong
    /// passwords.
    #[serde(default)]
    pub may_lock_user: bool,
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
    /// The CRM's field that the message concerns, or several with commas between.
    pub field: Option<String>,
    /// Whether the CRM refuses the value of a field that we sent (named in `field`, where it says):
    /// without that field it may accept the ticket. Not set where a field or a value is missing.
    #[serde(default)]
    pub refuses_value: bool,
    /// Whether something in front of the CRM refuses this one, as the results of others show: who runs
    /// the proxy or the firewall must act.
    #[serde(default)]
    pub in_front: bool,
    /// What is known of the effect of earlier attempts, where this one certainly had none.
    #[serde(skip)]
    pub earlier: EarlierAttempts,
    /// Whether several tickets were refused like this, so that it is not about one.
    #[serde(skip)]
    pub is_pattern: bool,
    /// How many seconds ago the first of these tickets was refused.
    #[serde(skip)]
    pub pattern_seconds: u16,
    /// Whether the CRM was not asked: Ringdown has nothing that it could send. The failure says
    /// nothing about the target.
    #[serde(skip)]
    pub is_internal: bool,
}

impl Failure {
    /// A failure of an operation that certainly had no effect.
    pub fn new(kind: FailureKind, class: FailureClass, message: impl Into<String>) -> Self {
        Self {
            kind,
            class,
            wait: None,
            may_lock_user: false,
            outcome_unknown: false,
            settle_after: Duration::ZERO,
            status: None,
            code: None,
            message: message.into(),
            field: None,
            refuses_value: false,
            in_front: false,
            earlier: EarlierAttempts::AsBefore,
            is_pattern: false,
            pattern_seconds: 0,
            is_internal: false,
        }
    }

    /// A failure of an operation on one ticket that Ringdown cannot send.
    pub fn internal(message: impl Into<String>) -> Self {
        let class = class(FailureScope::Ticket, ResolvedBy::Nothing);
        Self {
            is_internal: true,
            ..Self::new(FailureKind::IntegrationFailure, class, message)
        }
    }

    /// What follows the failure.
    pub const fn remedy(&self) -> Remedy {
        match (self.kind, self.class.scope, self.class.resolved_by) {
            // A limit of something in front of the CRM is a limit, also where it names no time.
            (FailureKind::RateLimited, FailureScope::Network, ResolvedBy::Time) => {
                Remedy::PauseTarget(self.wait)
            }
            _ => self.class.remedy(self.wait),
        }
    }

    /// Whether the response is not clearly the CRM's own. What was learned at the login may be
    /// wrong then: the organisation may have moved to another address.
    pub fn doubts_login(&self) -> bool {
        self.class.scope == FailureScope::Network && self.kind != FailureKind::RateLimited
    }

    /// Whether the CRM says that the ticket is not there.
    pub fn is_not_found(&self) -> bool {
        self.status == Some(404) && self.class.scope == FailureScope::Ticket
    }

    /// Whether it is a response that says success, without a record.
    pub fn is_empty_success(&self) -> bool {
        self.status
            .is_some_and(|status| (200..300).contains(&status))
    }

    #[must_use]
    pub fn with_wait(mut self, wait: Option<Duration>) -> Self {
        self.wait = wait;
        self
    }

    #[must_use]
    pub fn with_class(mut self, class: FailureClass) -> Self {
        self.class = class;
        self
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

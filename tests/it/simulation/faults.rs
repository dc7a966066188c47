//! What can go wrong with a call to the simulated CRM, and how its client would classify it.

use std::time::Duration;

use ringdown::domain::failure::{self, Failure, FailureKind, FailureScope, Remedy, ResolvedBy};

use crate::simulation::dice::Dice;

/// One thing that goes wrong with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No connection; nothing was sent.
    Unreachable,
    /// The operation took effect, but its answer never came.
    AnswerLost,
    /// 5xx, and nothing happened.
    ErrorBefore,
    /// 5xx, and it happened all the same.
    ErrorAfter,
    /// 2xx without an id; it happened.
    NoId,
    /// 429 with or without Retry-After.
    Limited(Option<Duration>),
    /// Credentials refused.
    Auth,
    /// Understood and refused for good.
    Refused,
    /// Refused for the moment: a locked record.
    RefusedForNow,
    /// Refused until somebody mends the CRM's configuration.
    Misconfigured,
    /// Hangs until the client's time is up.
    Hangs,
}

impl Fault {
    pub(crate) fn roll(dice: &mut Dice) -> Self {
        match dice.below(14) {
            0 => Self::Unreachable,
            1 | 2 => Self::AnswerLost,
            3 => Self::ErrorBefore,
            4 => Self::ErrorAfter,
            5 => Self::NoId,
            6 => Self::Limited(Some(dice.seconds(&[1, 30, 7200]))),
            7 => Self::Limited(None),
            8 => Self::Auth,
            9 => Self::Refused,
            10 => Self::RefusedForNow,
            11 => Self::Misconfigured,
            _ => Self::Hangs,
        }
    }

    /// Whether the operation takes effect.
    pub(crate) fn takes_effect(self) -> bool {
        matches!(self, Self::AnswerLost | Self::ErrorAfter | Self::NoId)
    }

    /// What the client makes of it.
    pub(crate) fn failure(self) -> Failure {
        use FailureKind::{AuthFailure, IntegrationFailure, NetworkFailure, RateLimited};
        match self {
            Self::Unreachable => Failure::new(
                NetworkFailure,
                failure::class(FailureScope::Network, ResolvedBy::Time),
                "no connection",
            ),
            Self::AnswerLost => Failure::new(
                NetworkFailure,
                failure::class(FailureScope::Network, ResolvedBy::Time),
                "connection lost",
            )
            .in_doubt(),
            Self::ErrorBefore | Self::ErrorAfter => Failure::new(
                NetworkFailure,
                failure::class(FailureScope::Network, ResolvedBy::Time),
                "503",
            )
            .with_status(503)
            .in_doubt(),
            Self::NoId => Failure::new(
                NetworkFailure,
                failure::class(FailureScope::Network, ResolvedBy::Time),
                "no id in it",
            )
            .with_status(200)
            .in_doubt(),
            Self::Limited(wait) => {
                let class = failure::class(FailureScope::Organisation, ResolvedBy::Time);
                Failure::new(RateLimited, class, "slow down")
                    .with_wait(wait)
                    .with_status(429)
            }
            Self::Auth => Failure::new(
                AuthFailure,
                failure::class(FailureScope::User, ResolvedBy::PersonInCrm),
                "who are you?",
            ),
            Self::Refused => Failure::new(
                IntegrationFailure,
                failure::class(FailureScope::Ticket, ResolvedBy::Nothing),
                "no such value",
            ),
            Self::RefusedForNow => Failure::new(
                IntegrationFailure,
                failure::class(FailureScope::Ticket, ResolvedBy::Time),
                "row locked",
            ),
            Self::Misconfigured => Failure::new(
                IntegrationFailure,
                failure::class(
                    FailureScope::Configuration,
                    ResolvedBy::PersonInConfiguration,
                ),
                "field missing",
            ),
            Self::Hangs => Failure::new(
                NetworkFailure,
                failure::class(FailureScope::Network, ResolvedBy::Time),
                "no answer in time",
            )
            .in_doubt(),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "fault: unreachable",
            Self::AnswerLost => "fault: the answer was lost after the commit",
            Self::ErrorBefore => "fault: 5xx before the commit",
            Self::ErrorAfter => "fault: 5xx after the commit",
            Self::NoId => "fault: success without an id",
            Self::Limited(_) => "fault: rate limited",
            Self::Auth => "fault: credentials refused",
            Self::Refused => "fault: refused",
            Self::RefusedForNow => "fault: refused for now",
            Self::Misconfigured => "fault: misconfigured",
            Self::Hangs => "fault: no answer in time",
        }
    }
}

/// The failure's place in the coverage.
pub(crate) fn class(failure: &Failure) -> String {
    let remedy = match failure.remedy() {
        Remedy::Retry => "retry",
        Remedy::PauseTarget(Some(_)) => "pause for a named time",
        Remedy::PauseTarget(None) => "pause",
        Remedy::HoldTarget => "hold",
        Remedy::Park => "park",
        Remedy::GiveUp => "give up",
    };
    format!("failure: {}, {remedy}", failure.kind)
}

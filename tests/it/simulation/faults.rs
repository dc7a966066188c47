//! What can go wrong with a call to the simulated CRM, and how its client would classify it.

use std::time::Duration;

use ringdown::domain::failure::{
    Failure, FailureClass, FailureKind, FailureScope, Remedy, ResolvedBy, class,
};

use crate::simulation::dice::Dice;

const SCOPES: [FailureScope; 5] = [
    FailureScope::Ticket,
    FailureScope::User,
    FailureScope::Configuration,
    FailureScope::Organisation,
    FailureScope::Network,
];
const RESOLUTIONS: [ResolvedBy; 4] = [
    ResolvedBy::Time,
    ResolvedBy::PersonInCrm,
    ResolvedBy::PersonInConfiguration,
    ResolvedBy::Nothing,
];

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
    /// The value of one optional field is refused, with the field's name or without.
    FieldRefused(Option<&'static str>),
    /// A refusal of any class.
    Classed(Refusal),
    /// Hangs until the client's time is up.
    Hangs,
}

/// A refusal of any class, by the CRM or by something in front of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    class: FailureClass,
    wait: Option<Duration>,
    may_lock_user: bool,
    effect: Effect,
}

/// Whether the operation took effect all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    None,
    /// None, but the client cannot know.
    UnknownNone,
    /// It did, and the client cannot know.
    UnknownDone,
}

impl Refusal {
    pub(crate) fn roll(dice: &mut Dice) -> Self {
        let class = class(*dice.pick(&SCOPES), *dice.pick(&RESOLUTIONS));
        let effect = match class.scope {
            FailureScope::Organisation | FailureScope::Network if dice.chance(30) => {
                *dice.pick(&[Effect::UnknownNone, Effect::UnknownDone])
            }
            _ => Effect::None,
        };
        let waits = class.resolved_by == ResolvedBy::Time && dice.chance(20);
        Self {
            class,
            wait: waits.then(|| dice.seconds(&[0, 5, 600])),
            may_lock_user: class.scope == FailureScope::User && dice.chance(50),
            effect,
        }
    }

    /// A refusal that certainly had no effect, and names no time.
    pub(crate) const fn plain(scope: FailureScope, resolved_by: ResolvedBy) -> Self {
        Self {
            class: class(scope, resolved_by),
            wait: None,
            may_lock_user: false,
            effect: Effect::None,
        }
    }

    fn failure(self) -> Failure {
        use FailureKind::{AuthFailure, IntegrationFailure, NetworkFailure};
        let kind = match self.class.scope {
            FailureScope::User => AuthFailure,
            FailureScope::Network => NetworkFailure,
            _ => IntegrationFailure,
        };
        let mut failure = Failure::new(kind, self.class, "no")
            .with_code(scope_name(self.class.scope))
            .with_wait(self.wait);
        failure.may_lock_user = self.may_lock_user;
        failure.outcome_unknown = self.effect != Effect::None;
        failure
    }
}

impl Fault {
    pub(crate) fn roll(dice: &mut Dice) -> Self {
        match dice.below(20) {
            0 => Self::Unreachable,
            1 | 2 => Self::AnswerLost,
            3 => Self::ErrorBefore,
            4 => Self::ErrorAfter,
            5 => Self::NoId,
            6 => Self::Limited(Some(dice.seconds(&[0, 1, 30, 7200]))),
            7 => Self::Limited(None),
            8 => Self::Auth,
            9 => Self::Refused,
            10 => Self::RefusedForNow,
            11 => Self::Misconfigured,
            12 => Self::FieldRefused(*dice.pick(&FIELDS)),
            13..=17 => Self::Classed(Refusal::roll(dice)),
            _ => Self::Hangs,
        }
    }

    /// Whether the operation takes effect.
    pub(crate) fn takes_effect(self) -> bool {
        match self {
            Self::AnswerLost | Self::ErrorAfter | Self::NoId => true,
            Self::Classed(refusal) => refusal.effect == Effect::UnknownDone,
            _ => false,
        }
    }

    /// What the client makes of it.
    pub(crate) fn failure(self) -> Failure {
        use FailureKind::{AuthFailure, IntegrationFailure, NetworkFailure, RateLimited};
        let no_answer = |message: &str| {
            let class = class(FailureScope::Network, ResolvedBy::Time);
            Failure::new(NetworkFailure, class, message)
        };
        let refused = |scope, resolved_by, message: &str| {
            Failure::new(IntegrationFailure, class(scope, resolved_by), message)
        };
        match self {
            Self::Unreachable => no_answer("no connection"),
            Self::AnswerLost => no_answer("connection lost").in_doubt(),
            Self::ErrorBefore | Self::ErrorAfter => no_answer("503").with_status(503).in_doubt(),
            Self::NoId => no_answer("no id in it").with_status(200).in_doubt(),
            Self::Limited(wait) => {
                let class = class(FailureScope::Organisation, ResolvedBy::Time);
                Failure::new(RateLimited, class, "slow down")
                    .with_wait(wait)
                    .with_status(429)
            }
            Self::Auth => Failure::new(
                AuthFailure,
                class(FailureScope::User, ResolvedBy::PersonInCrm),
                "who are you?",
            ),
            Self::Refused => refused(FailureScope::Ticket, ResolvedBy::Nothing, "no such value"),
            Self::RefusedForNow => refused(FailureScope::Ticket, ResolvedBy::Time, "row locked"),
            Self::Misconfigured => refused(
                FailureScope::Configuration,
                ResolvedBy::PersonInConfiguration,
                "field missing",
            ),
            Self::FieldRefused(field) => {
                let failure = refused(FailureScope::Ticket, ResolvedBy::Nothing, "no such choice");
                let mut failure = failure.with_code("value");
                failure.refuses_value = true;
                failure.field = field.map(str::to_owned);
                failure
            }
            Self::Classed(refusal) => refusal.failure(),
            Self::Hangs => no_answer("no answer in time").in_doubt(),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "fault: unreachable",
            Self::AnswerLost => "fault: the answer was lost after the commit",
            Self::ErrorBefore => "fault: 5xx before the commit",
            Self::ErrorAfter => "fault: 5xx after the commit",
            Self::NoId => "fault: success without an id",
            Self::Limited(None) => "fault: rate limited, for no named time",
            Self::Limited(Some(wait)) => match wait.as_secs() {
                0 => "fault: rate limited, for no time at all",
                1..=30 => "fault: rate limited, for a short time",
                _ => "fault: rate limited, for a long time",
            },
            Self::Auth => "fault: credentials refused",
            Self::Refused => "fault: refused",
            Self::RefusedForNow => "fault: refused for now",
            Self::Misconfigured => "fault: misconfigured",
            Self::FieldRefused(None) => "fault: a field is refused, and not named",
            Self::FieldRefused(Some(_)) => "fault: a field is refused by name",
            Self::Classed(refusal) => match refusal.effect {
                Effect::None => "fault: a refusal of any class",
                Effect::UnknownNone => "fault: a refusal of any class, in doubt",
                Effect::UnknownDone => "fault: a refusal of any class, after the commit",
            },
            Self::Hangs => "fault: no answer in time",
        }
    }
}

/// Optional fields of a new ticket in `ringdown.toml`, as a CRM names the refused one; the last is
/// one that was not sent.
const FIELDS: [Option<&str>; 4] = [None, Some(PRIORITY), Some(ORIGIN), Some("Reason")];
pub(crate) const PRIORITY: &str = "Priority";
pub(crate) const ORIGIN: &str = "Origin";

/// A refused login, by a CRM that locks a user after some of them.
pub(crate) fn login_refused() -> Fault {
    let refusal = Refusal::plain(FailureScope::User, ResolvedBy::PersonInCrm);
    Fault::Classed(Refusal {
        may_lock_user: true,
        ..refusal
    })
}

const fn scope_name(scope: FailureScope) -> &'static str {
    match scope {
        FailureScope::Ticket => "ticket",
        FailureScope::User => "user",
        FailureScope::Configuration => "configuration",
        FailureScope::Organisation => "organisation",
        FailureScope::Network => "network",
    }
}

/// Whether `failure`, as it is stored, is said to be about something else than the CRM said; and
/// then whether about more than its ticket.
pub(crate) fn reclassified(failure: &Failure) -> Option<bool> {
    let said = failure.code.as_deref()?;
    let is_known = SCOPES.into_iter().any(|scope| scope_name(scope) == said);
    let is_other = is_known && said != scope_name(failure.class.scope);
    is_other.then_some(failure.class.scope != FailureScope::Ticket)
}

/// The failure's place in the coverage.
pub(crate) fn remedy(failure: &Failure) -> String {
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

/// Its cell in the table of scopes and resolutions.
pub(crate) fn cell(failure: &Failure) -> String {
    let resolved_by = match failure.class.resolved_by {
        ResolvedBy::Time => "time",
        ResolvedBy::PersonInCrm => "a person in the CRM",
        ResolvedBy::PersonInConfiguration => "a person in the configuration",
        ResolvedBy::Nothing => "nothing",
    };
    let scope = scope_name(failure.class.scope);
    format!("class: {scope}, resolved by {resolved_by}")
}

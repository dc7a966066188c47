//! The one table of failures: what a response means, and what that comes to.
//!
//! Pure; may import: `domain`.

use super::rejection::Cause;
use crate::domain::failure::{FailureKind, FailureScope, ResolvedBy};

/// What a response means that is no success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The page of a hibernating instance. It processes nothing.
    Asleep,
    /// 503 in the instance's own words.
    Maintenance,
    RateLimited,
    /// 429 that is not the instance's own word. It may be about one text only.
    LimitedInFront,
    /// Not the instance's own word; the instance is not at work on the request.
    InFront,
    /// Not the instance's own word, and its transaction may still be under way.
    NoAnswer,
    /// Never followed: the token must not go wherever the redirect points.
    Redirected,
    /// 407.
    ProxyLogin,
    /// A 401 that is not the instance's own word.
    LoginInFront,
    Unauthenticated,
    /// The role check of the API, or the scope of the token.
    ApiForbidden,
    /// An access control refuses inserts, or reads, to our user.
    AccessDenied,
    /// An access control refuses a change of this record.
    ChangeDenied,
    /// The query asks for a field that is not there or not readable: no ticket can be looked up.
    QueryDenied,
    /// No such API or table, or requests of this form are not taken at all.
    NoApi,
    Absent,
    UniqueViolation,
    /// A field that must not be empty is.
    MissingField,
    /// A business rule, a value, or something unknown.
    Refused,
    /// The instance failed at this request; it may have happened all the same.
    ServerError,
}

impl Meaning {
    /// The kind of the failure, what it is about, what ends it, whether a write may have taken
    /// effect all the same, and the cause that this client acts on.
    #[rustfmt::skip]
    pub(super) const fn row(self) -> (FailureKind, FailureScope, ResolvedBy, bool, Cause) {
        use FailureKind::{AuthFailure, IntegrationFailure, NetworkFailure};
        use FailureScope::{Configuration, Network, Organisation, Ticket, User};
        use ResolvedBy::{Nothing, PersonInConfiguration, PersonInCrm, Time};
        use Cause::{Denied, Other, Refused, StillRunning, Unauthenticated};
        const LIMITED: FailureKind = FailureKind::RateLimited;
        match self {
            Self::Asleep          => (NetworkFailure,     Organisation,  Time,                  false, Other),
            Self::Maintenance     => (NetworkFailure,     Organisation,  Time,                  true,  Other),
            Self::RateLimited     => (LIMITED,            Organisation,  Time,                  false, Other),
            Self::LimitedInFront  => (LIMITED,            Network,       Time,                  false, Other),
            Self::InFront         => (NetworkFailure,     Network,       Time,                  true,  Other),
            Self::NoAnswer        => (NetworkFailure,     Network,       Time,                  true,  StillRunning),
            Self::Redirected      => (NetworkFailure,     Network,       PersonInConfiguration, false, Other),
            Self::ProxyLogin      => (NetworkFailure,     Network,       PersonInConfiguration, false, Other),
            Self::LoginInFront    => (NetworkFailure,     Network,       PersonInConfiguration, false, Unauthenticated),
            Self::Unauthenticated => (AuthFailure,        User,          PersonInCrm,           false, Unauthenticated),
            Self::ApiForbidden    => (AuthFailure,        User,          PersonInCrm,           false, Cause::ApiForbidden),
            Self::AccessDenied    => (IntegrationFailure, User,          PersonInCrm,           false, Denied),
            Self::ChangeDenied    => (IntegrationFailure, Ticket,        PersonInCrm,           false, Denied),
            Self::QueryDenied     => (IntegrationFailure, Configuration, PersonInConfiguration, false, Other),
            Self::NoApi           => (IntegrationFailure, Configuration, PersonInConfiguration, false, Other),
            Self::Absent          => (IntegrationFailure, Ticket,        Nothing,               false, Cause::Absent),
            Self::UniqueViolation => (IntegrationFailure, Ticket,        Nothing,               false, Cause::UniqueViolation),
            Self::MissingField    => (IntegrationFailure, Ticket,        PersonInConfiguration, false, Refused),
            Self::Refused         => (IntegrationFailure, Ticket,        Nothing,               false, Refused),
            Self::ServerError     => (NetworkFailure,     Ticket,        Time,                  true,  Other),
        }
    }
}

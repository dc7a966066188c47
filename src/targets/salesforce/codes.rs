//! What Salesforce's error codes mean: one table.
//!
//! The codes are `ExceptionCode` and `StatusCode` of the SOAP API Developer Guide, which the REST
//! API uses too, and those that clients of others have met (`docs/salesforce.md`). Codes decide,
//! because messages are in the user's language. Pure; may import: `domain::failure`.

use super::rejection::Call;
use crate::domain::failure::{FailureClass, FailureKind, FailureScope, ResolvedBy, class};

/// What an error is about. Of several errors in one answer the first in this order decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Meaning {
    /// The instance does not serve this org any more. The next login names the new address.
    Moved,
    /// Our user may not call the API: its password, its state, its rights.
    UserBarred,
    /// Our user may not call the API at this hour.
    UserOffHours,
    /// Too many calls.
    RateLimited,
    /// The whole org refuses writes for a time. Certainly nothing was done.
    Maintenance,
    /// The servers have trouble for a time.
    ServerTrouble,
    /// The whole org refuses until an administrator acts.
    OrganisationBlocked,
    /// This version of the API is not offered.
    NoSuchVersion,
    /// This object is not offered to our user.
    NoSuchObject,
    /// There is no such record, object or resource: the call tells which.
    Absent,
    /// A right to the object or the record is missing: the call tells which.
    NoRight,
    /// A process in the CRM, such as an approval, has locked the record.
    RecordLocked,
    /// A field that must have a value has none.
    FieldMissing,
    /// The content is refused, as a whole.
    Content,
    /// Another record has the value of a unique field.
    Duplicate,
    /// The value of a field is refused, or the field itself.
    Value,
    /// Another transaction has locked the record, for moments.
    RowLocked,
    /// An unknown code, or one that wraps another trouble: orgs report temporary faults under
    /// unusual codes.
    Unknown,
}

use Meaning::{
    Absent, Content, Duplicate, FieldMissing, Maintenance, Moved, NoRight, NoSuchObject,
    NoSuchVersion, OrganisationBlocked, RateLimited, RecordLocked, RowLocked, ServerTrouble,
    Unknown, UserBarred, UserOffHours, Value,
};

/// The table.
#[rustfmt::skip]
const CODES: &[(Meaning, &[&str])] = &[
    (Moved, &["URL_NOT_RESET", "ORG_NOT_OWNED_BY_INSTANCE"]),
    (UserBarred, &[
        "API_DISABLED_FOR_ORG", "CLIENT_NOT_ACCESSIBLE_FOR_USER", "CLIENT_REQUIRE_UPDATE_FOR_USER",
        "FORBIDDEN", "INACTIVE_USER", "INVALID_AUTH_HEADER", "INVALID_LOGIN",
        "INVALID_OPERATION_WITH_EXPIRED_PASSWORD", "INVALID_READ_ONLY_USER_DML",
        "INVALID_SESSION_ID", "LOGIN_CHALLENGE_ISSUED", "LOGIN_CHALLENGE_PENDING",
        "LOGIN_DURING_RESTRICTED_DOMAIN", "LOGIN_MUST_USE_SECURITY_TOKEN",
        "MUTUAL_AUTHENTICATION_FAILED", "OP_WITH_INVALID_USER_TYPE_EXCEPTION",
        "PASSWORD_LOCKOUT", "USER_FROZEN",
    ]),
    (UserOffHours, &["LOGIN_DURING_RESTRICTED_TIME"]),
    (RateLimited, &["REQUEST_LIMIT_EXCEEDED"]),
    (Maintenance, &[
        "API_CURRENTLY_DISABLED", "FUNCTIONALITY_TEMPORARILY_UNAVAILABLE",
        "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE", "TERRITORY_REALIGN_IN_PROGRESS",
    ]),
    (ServerTrouble, &[
        "QUERY_TIMEOUT", "REQUEST_RUNNING_TOO_LONG", "SERVER_UNAVAILABLE",
        "TOO_MANY_APEX_REQUESTS", "TXN_SECURITY_METERING_ERROR",
    ]),
    (OrganisationBlocked, &[
        "EXCEEDED_QUOTA", "FUNCTIONALITY_NOT_ENABLED", "INACTIVE_ORG", "LICENSE_LIMIT_EXCEEDED",
        "ORG_LOCKED", "PACKAGE_LICENSE_REQUIRED", "REQUIRED_FEATURE_MISSING",
        "STORAGE_LIMIT_EXCEEDED", "TRIAL_EXPIRED",
    ]),
    (NoSuchVersion, &["INVALID_VERSION", "UNSUPPORTED_API_VERSION", "UNSUPPORTED_CLIENT"]),
    (NoSuchObject, &["INVALID_TYPE", "INVALID_TYPE_FOR_OPERATION"]),
    (Absent, &["ENTITY_IS_DELETED", "NOT_FOUND"]),
    (NoRight, &["INSUFFICIENT_ACCESS", "INSUFFICIENT_ACCESS_OR_READONLY"]),
    (RecordLocked, &["ALREADY_IN_PROCESS", "ENTITY_IS_ARCHIVED", "ENTITY_IS_LOCKED"]),
    (FieldMissing, &["REQUIRED_FIELD_MISSING"]),
    (Content, &[
        "BAD_CUSTOM_ENTITY_PARENT_DOMAIN", "DUPLICATES_DETECTED", "EXCEEDED_MAX_SIZE_REQUEST",
        "FIELD_CUSTOM_VALIDATION_EXCEPTION", "JSON_PARSER_ERROR", "MALFORMED_QUERY",
        "METHOD_NOT_ALLOWED", "MISSING_ARGUMENT",
    ]),
    (Duplicate, &["DUPLICATE_VALUE"]),
    (Value, &[
        "CIRCULAR_DEPENDENCY", "FIELD_FILTER_VALIDATION_EXCEPTION", "FIELD_INTEGRITY_EXCEPTION",
        "INACTIVE_OWNER_OR_USER", "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
        "INVALID_ARGUMENT_TYPE", "INVALID_ASSIGNEE_TYPE", "INVALID_CROSS_REFERENCE_KEY",
        "INVALID_CROSS_REFERENCE_TYPE_FOR_FIELD", "INVALID_CURRENCY_ISO", "INVALID_EMAIL_ADDRESS",
        "INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE", "INVALID_ID_FIELD",
        "INVALID_INET_ADDRESS", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "INVALID_STATUS",
        "INVALID_TYPE_ON_FIELD_IN_RECORD", "MALFORMED_ID", "NUMBER_OUTSIDE_VALID_RANGE",
        "STRING_TOO_LONG", "TEXT_DATA_OUTSIDE_SUPPORTED_CHARSET", "TOO_MANY_ENUM_VALUE",
        "TRANSFER_REQUIRES_READ", "UNAVAILABLE_RECORDTYPE_EXCEPTION",
    ]),
    (RowLocked, &[
        "ENTITY_FAILED_IFLASTMODIFIED_ON_UPDATE", "RECORD_IN_USE_BY_WORKFLOW", "UNABLE_TO_LOCK_ROW",
    ]),
    (Unknown, &[
        "ALL_OR_NONE_OPERATION_ROLLED_BACK", "APEX_ERROR", "CANNOT_EXECUTE_FLOW_TRIGGER",
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "PROCESSING_HALTED", "UNKNOWN_EXCEPTION",
    ]),
];

/// Parts of codes that are not in the table, such as those of a later version.
#[rustfmt::skip]
const PARTS: &[(Meaning, &[&str])] = &[
    (UserBarred, &["EXPIRED_PASSWORD", "PASSWORD_EXPIRED", "USER_INACTIVE", "USER_LOCKED"]),
    (Maintenance, &["MAINTENANCE", "READ_ONLY_MODE", "TEMPORARILY"]),
    (ServerTrouble, &["TIMEOUT", "TOO_MANY_REQUESTS", "UNAVAILABLE"]),
    (OrganisationBlocked, &["STORAGE"]),
    (RateLimited, &["LIMIT_EXCEEDED"]),
    (RecordLocked, &["RECORD_LOCKED"]),
];

impl Meaning {
    /// What `code` says.
    pub(super) fn of(code: &str) -> Self {
        let is_listed = |codes: &[&str]| codes.contains(&code);
        let has_part = |parts: &[&str]| parts.iter().any(|part| code.contains(part));
        let listed = CODES.iter().find(|(_, codes)| is_listed(codes));
        let listed = listed.or_else(|| PARTS.iter().find(|(_, parts)| has_part(parts)));
        listed.map_or(Unknown, |(meaning, _)| *meaning)
    }

    /// Whether it is about more than the record: then it counts too where a trigger's error
    /// quotes it in its message.
    pub(super) fn is_beyond_the_record(self) -> bool {
        matches!(
            self,
            Maintenance | ServerTrouble | OrganisationBlocked | RowLocked
        )
    }

    /// Whether a refusal with a 5xx still says that nothing was done.
    pub(super) fn is_certain(self) -> bool {
        !matches!(self, ServerTrouble | Unknown)
    }

    /// Whether the ticket may be accepted without a field that was sent with `call`.
    pub(super) fn refuses_value(self, call: Call) -> bool {
        matches!(self, Duplicate | Value) && matches!(call, Call::Create | Call::Change)
    }

    pub(super) fn kind(self) -> FailureKind {
        match self {
            Moved => FailureKind::NetworkFailure,
            UserBarred | UserOffHours => FailureKind::AuthFailure,
            RateLimited => FailureKind::RateLimited,
            _ => FailureKind::IntegrationFailure,
        }
    }

    /// The class of an error with this meaning, in the answer to `call`.
    pub(super) fn class(self, call: Call) -> FailureClass {
        let (scope, resolved_by) = match self {
            Moved => (FailureScope::Network, ResolvedBy::Time),
            UserBarred => (FailureScope::User, ResolvedBy::PersonInCrm),
            UserOffHours => (FailureScope::User, ResolvedBy::Time),
            RateLimited | Maintenance | ServerTrouble => {
                (FailureScope::Organisation, ResolvedBy::Time)
            }
            OrganisationBlocked => (FailureScope::Organisation, ResolvedBy::PersonInCrm),
            NoSuchVersion => of_configuration(),
            // An org without feeds refuses comments on Incidents, and accepts the tickets.
            NoSuchObject => match call {
                Call::Comment | Call::Ask => of_content(),
                _ => of_configuration(),
            },
            // A ticket or a comment that is gone stays gone. Everything else that is not there is
            // the object, its key's field or the version, and missing for every ticket.
            Absent => match call {
                Call::Change | Call::Read | Call::Comment => of_content(),
                Call::Create | Call::LookUp | Call::Ask => of_configuration(),
            },
            // A new record has no owner yet, so the right to the object is missing. A record that
            // is there may be hidden alone.
            NoRight => match call {
                Call::Change | Call::Comment => (FailureScope::Ticket, ResolvedBy::PersonInCrm),
                _ => (FailureScope::User, ResolvedBy::PersonInCrm),
            },
            RecordLocked => (FailureScope::Ticket, ResolvedBy::PersonInCrm),
            FieldMissing => (FailureScope::Ticket, ResolvedBy::PersonInConfiguration),
            // A ticket that cannot be looked up must not be opened again.
            Value if matches!(call, Call::Read | Call::LookUp) => of_configuration(),
            Content | Duplicate | Value => of_content(),
            RowLocked | Unknown => (FailureScope::Ticket, ResolvedBy::Time),
        };
        class(scope, resolved_by)
    }
}

const fn of_configuration() -> (FailureScope, ResolvedBy) {
    (
        FailureScope::Configuration,
        ResolvedBy::PersonInConfiguration,
    )
}

const fn of_content() -> (FailureScope, ResolvedBy) {
    (FailureScope::Ticket, ResolvedBy::Nothing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_stands_in_the_table_once() {
        let mut codes: Vec<&str> = CODES
            .iter()
            .flat_map(|(_, codes)| *codes)
            .copied()
            .collect();
        codes.sort_unstable();
        let all = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), all);
    }

    #[test]
    fn a_code_that_nobody_listed_is_read_by_its_parts() {
        for (code, meaning) in [
            ("ORG_IN_READ_ONLY_MODE", Maintenance),
            ("WRITES_NOT_ALLOWED_DURING_MAINTENANCE", Maintenance),
            ("SERVICE_UNAVAILABLE", ServerTrouble),
            ("FILE_STORAGE_LIMIT_EXCEEDED", OrganisationBlocked),
            ("DAILY_CALL_LIMIT_EXCEEDED", RateLimited),
            ("SOMETHING_NEW", Unknown),
        ] {
            assert_eq!(Meaning::of(code), meaning, "{code}");
        }
    }
}

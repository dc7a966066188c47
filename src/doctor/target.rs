//! A target to check, and how calls of its client are made and judged.

use std::time::Duration;

use tokio::time::timeout;

use super::finding::Finding;
use super::sample;
use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use crate::outbound::Redactor;
use crate::settings::{Settings, TargetSettings};
use crate::targets::Crm;

/// Longest time one check may take.
pub(super) const MAX_CHECK_TIME: Duration = Duration::from_secs(30);

/// A target to check.
pub(crate) struct DoctorTarget<'a> {
    pub name: &'a str,
    pub settings: &'a TargetSettings,
    /// Which rules open tickets in it.
    pub all_settings: &'a Settings,
    pub client: &'a dyn Crm,
    /// Knows every secret that an answer could quote.
    pub redactor: &'a Redactor,
    /// Whether a test ticket may be opened.
    pub write: bool,
}

/// The rules and outages that open tickets here; one of our own where none does, so that the
/// templates are tried all the same.
pub(super) fn rules_opening_here(target: &DoctorTarget<'_>) -> Vec<(String, String)> {
    let rules = sample::openers(target.all_settings, target.name);
    if rules.is_empty() {
        vec![("queue-wait".to_owned(), "high".to_owned())]
    } else {
        rules
    }
}

/// The outcome of `call`, or a failure when it takes too long.
pub(super) async fn within<T>(
    call: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    timeout(MAX_CHECK_TIME, call).await.unwrap_or_else(|_| {
        Err(Failure::new(
            FailureKind::NetworkFailure,
            class(FailureScope::Network, ResolvedBy::Time),
            format!("no answer within {MAX_CHECK_TIME:?}"),
        )
        .in_doubt())
    })
}

/// A finding about a call that failed, with a remedy for failures of its kind.
pub(super) fn refused(check: &'static str, failure: &Failure) -> Finding {
    let remedy = match (failure.kind, check) {
        (FailureKind::AuthFailure, "login") => {
            "look at client_id, client_secret or key and token_url of the target's auth, and that the CRM's OAuth client is active and has a user"
        }
        (FailureKind::AuthFailure, _) => {
            "give the integration user the right to use the REST API of this object"
        }
        (FailureKind::RateLimited, _) => "wait, or raise the CRM's limit of requests",
        (FailureKind::NetworkFailure, _) => {
            "look at the network and at the CRM's state, and try again"
        }
        (FailureKind::IntegrationFailure | FailureKind::SchemaMismatch, _) => {
            "look at the object or table of the target, and at our user's right to it"
        }
    };
    Finding::error(check, failure.to_string(), remedy)
}

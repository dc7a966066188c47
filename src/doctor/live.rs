//! One target, asked live: reach it, log in, read its metadata, judge, and try where allowed.
//!
//! Each step is bounded in time; what depends on a failed one is skipped and says so. May
//! import: `settings`, `targets`, `clock`.

use std::time::Duration;

use tokio::time::timeout;

use super::checks::{self, Key};
use super::{Check, Finding, mapping, reach, sample, write};
use crate::clock::Clock;
use crate::domain::failure::{Failure, FailureKind};
use crate::outbound::Redactor;
use crate::settings::{KeyField, Settings, TargetSettings};
use crate::targets::Inspect;

/// Longest time one check may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// What follows the login.
const AFTER_LOGIN: [&str; 3] = ["api_version", "object", "field"];

/// A target to examine.
pub struct Patient<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its settings.
    pub target: &'a TargetSettings,
    /// All settings: which rules open tickets in it.
    pub settings: &'a Settings,
    /// Its client.
    pub client: &'a dyn Inspect,
    /// Knows every secret that an answer could quote.
    pub redactor: &'a Redactor,
    /// Whether a test ticket may be opened.
    pub write: bool,
}

/// Every check of one target, in the order in which they were made.
pub async fn examine(patient: &Patient<'_>, clock: &Clock) -> Vec<Check> {
    let patience = patient.target.timeout.min(PATIENCE);
    let (base, api) = (&patient.target.base_url, patient.target.kind.api_path);
    let mut findings = reach::reach(base, api, patience, (patient.redactor, clock)).await;
    // A wrong clock stops nothing: the login shows whether it matters.
    let unreached = findings
        .iter()
        .find(|one| one.is_error() && one.check != "clock");
    match unreached.map(|one| one.check) {
        Some(check) => {
            findings.push(skip("login", check));
            findings.extend(AFTER_LOGIN.map(|one| skip(one, check)));
            findings.extend(patient.write.then(|| skip("write", check)));
        }
        None => findings.extend(inside(patient, clock).await),
    }
    findings
        .into_iter()
        .map(|one| one.at(patient.name))
        .collect()
}

fn skip(check: &'static str, failed: &str) -> Finding {
    Finding::skipped(check, format!("not made, because {failed} failed"))
}

/// What needs a login.
async fn inside(patient: &Patient<'_>, clock: &Clock) -> Vec<Finding> {
    let client = patient.client;
    let mut findings = Vec::new();
    match within(client.log_in()).await {
        Ok(()) => findings.push(Finding::ok(
            "login",
            "the CRM gave a credential, or none is needed",
        )),
        Err(failure) => {
            findings.push(refused("login", &failure));
            findings.extend(AFTER_LOGIN.map(|one| skip(one, "login")));
            findings.extend(patient.write.then(|| skip("write", "login")));
            return findings;
        }
    }
    let judged = match within(client.api()).await {
        Ok(api) => checks::version(&api),
        Err(failure) if failure.kind == FailureKind::AuthFailure => refused("login", &failure),
        Err(failure) => refused("api_version", &failure),
    };
    if judged.is_error() {
        let failed = judged.check;
        if failed == "login" {
            findings.clear();
        }
        findings.push(judged);
        findings.extend(AFTER_LOGIN[1..].iter().map(|one| skip(one, failed)));
        findings.extend(patient.write.then(|| skip("write", failed)));
        return findings;
    }
    findings.push(judged);
    findings.extend(metadata(patient).await);
    if patient.write {
        findings.extend(write::attempt(patient, clock).await);
    }
    findings
}

async fn metadata(patient: &Patient<'_>) -> Vec<Finding> {
    let metadata = match within(patient.client.metadata()).await {
        Ok(metadata) => metadata,
        Err(failure) => return vec![refused("object", &failure), skip("field", "object")],
    };
    let contexts: Vec<_> = openers(patient)
        .iter()
        .map(|(rule, severity)| sample::context(rule, severity))
        .collect();
    let mapped = mapping::mapped(patient.target, &contexts);
    let mut findings = vec![Finding::ok(
        "object",
        format!("{} is there", metadata.object),
    )];
    findings.extend(checks::all(&metadata, &mapped, key(patient.target)));
    findings
}

/// The rules and outages that open tickets here; one of our own where none does, so that the
/// templates are tried all the same.
pub(super) fn openers(patient: &Patient<'_>) -> Vec<(String, String)> {
    let openers = sample::openers(patient.settings, patient.name);
    if openers.is_empty() {
        vec![("queue-wait".to_owned(), "high".to_owned())]
    } else {
        openers
    }
}

fn key(target: &TargetSettings) -> Key<'_> {
    match target.key_field() {
        KeyField::Unique(name) => Key::External(name),
        KeyField::OrRecordId(name) => Key::Correlation(name),
        KeyField::InTitle { .. } => Key::None,
    }
}

/// The outcome of `call`, or a failure when it takes too long.
pub(super) async fn within<T>(
    call: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    timeout(PATIENCE, call).await.unwrap_or_else(|_| {
        Err(Failure::new(
            FailureKind::NetworkFailure,
            crate::domain::failure::Remedy::Retry,
            format!("no answer within {PATIENCE:?}"),
        )
        .in_doubt())
    })
}

/// A call that failed, and what mends failures of its kind.
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
        _ => "look at the object or table of the target, and at our user's right to it",
    };
    Finding::error(check, failure.to_string(), remedy)
}

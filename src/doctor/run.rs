//! One target, asked live: reach it, log in, read its metadata, judge, and try where allowed.
//!
//! Each step is bounded in time. A step that depends on a failed one is skipped, and a finding
//! says so. May
//! import: `settings`, `targets`, `clock`.

use tokio::time::timeout;

use super::finding::{Check, Finding};
use super::target::{DoctorTarget, MAX_CHECK_TIME, refused, rules_opening_here, within};
use super::{checks, mapping, reach, references, sample, write};
use crate::clock::Clock;
use crate::domain::failure::FailureKind;
use crate::targets::Inspect;

/// What follows the login.
const AFTER_LOGIN: [&str; 3] = ["api_version", "object", "field"];

/// Every check of one target, in the order in which they were made.
pub(crate) async fn run_checks(target: &DoctorTarget<'_>, clock: &Clock) -> Vec<Check> {
    let time_limit = target.settings.timeout.min(MAX_CHECK_TIME);
    let (base, api) = (&target.settings.base_url, target.settings.kind.api_path);
    let mut findings = reach::reach(base, api, time_limit, (target.redactor, clock)).await;
    // A wrong clock stops nothing: the login shows whether it matters.
    let unreached = findings
        .iter()
        .find(|one| one.is_error() && one.check != "clock");
    match unreached.map(|one| one.check) {
        Some(check) => {
            findings.push(skip("login", check));
            findings.extend(AFTER_LOGIN.map(|one| skip(one, check)));
            findings.extend(target.write.then(|| skip("write", check)));
        }
        None => findings.extend(with_login(target, clock).await),
    }
    findings
        .into_iter()
        .map(|one| one.at(target.name))
        .collect()
}

fn skip(check: &'static str, failed: &str) -> Finding {
    Finding::skipped(check, format!("not made, because {failed} failed"))
}

/// What needs a login.
async fn with_login(target: &DoctorTarget<'_>, clock: &Clock) -> Vec<Finding> {
    let Some(crm) = target.client.inspect() else {
        return without_inspection(target, clock).await;
    };
    let mut findings = Vec::new();
    match within(crm.log_in()).await {
        Ok(()) => findings.push(Finding::ok(
            "login",
            "the CRM gave a credential, or none is needed",
        )),
        Err(failure) => {
            findings.push(refused("login", &failure));
            findings.extend(AFTER_LOGIN.map(|one| skip(one, "login")));
            findings.extend(target.write.then(|| skip("write", "login")));
            return findings;
        }
    }
    let judged = match within(crm.api()).await {
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
        findings.extend(target.write.then(|| skip("write", failed)));
        return findings;
    }
    findings.push(judged);
    findings.extend(several_at_once(crm).await);
    findings.extend(metadata(target, crm).await);
    if target.write {
        findings.extend(write::attempt(target, clock).await);
    }
    findings
}

/// A CRM that says nothing about itself: a call tries the login, and a test ticket the rest.
async fn without_inspection(target: &DoctorTarget<'_>, clock: &Clock) -> Vec<Finding> {
    if let Err(failure) = within(target.client.probe()).await {
        let mut findings = vec![refused("login", &failure)];
        findings.extend(AFTER_LOGIN.map(|one| skip(one, "login")));
        findings.extend(target.write.then(|| skip("write", "login")));
        return findings;
    }
    let mut findings = vec![Finding::ok("login", "the CRM answers our user")];
    let why = "this CRM does not describe itself; --write tries it";
    findings.extend(AFTER_LOGIN.map(|one| Finding::skipped(one, why)));
    if target.write {
        findings.extend(write::attempt(target, clock).await);
    }
    findings
}

/// Without it every request is a call of its own. So this is no error.
async fn several_at_once(crm: &dyn Inspect) -> Option<Finding> {
    const CHECK: &str = "several_at_once";
    let tried = timeout(MAX_CHECK_TIME, crm.several_at_once()).await;
    let failure = match tried {
        Ok(None) => return None,
        Ok(Some(Ok(()))) => {
            return Some(Finding::ok(
                CHECK,
                "several requests may be sent in one call",
            ));
        }
        Ok(Some(Err(failure))) => failure.to_string(),
        Err(_) => format!("no answer within {MAX_CHECK_TIME:?}"),
    };
    let message = format!("several requests cannot be sent in one call: {failure}");
    let remedy = "let our user, and what is in front of the CRM, pass such calls; until then comments and \
                  fields are sent by single calls, and cost more of them";
    Some(Finding::warning(CHECK, message, remedy))
}

async fn metadata(target: &DoctorTarget<'_>, crm: &dyn Inspect) -> Vec<Finding> {
    let metadata = match within(crm.metadata()).await {
        Ok(metadata) => metadata,
        Err(failure) => return vec![refused("object", &failure), skip("field", "object")],
    };
    let contexts: Vec<_> = rules_opening_here(target)
        .iter()
        .map(|(rule, severity)| sample::context(rule, severity))
        .collect();
    let mapped = mapping::mapped(target.settings, &contexts);
    let mut findings = vec![Finding::ok(
        "object",
        format!("{} is there", metadata.object),
    )];
    findings.extend(checks::all(&metadata, &mapped, target.settings));
    findings.extend(references::all(crm, metadata.fields.as_deref(), &mapped).await);
    findings
}

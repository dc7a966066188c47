//! What operators do with a target: pause it, resume it, test it.

use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::actions::by;
use super::answer::Refused;
use super::body::{Body, Sent};
use super::lists::{TargetRow, target_row};
use super::silences::checked_reason;
use super::target_tester::TargetCheck;
use super::{Actor, AdminState};
use crate::domain::identity::TargetName;
use crate::domain::time::Timestamp;

/// Longest pause with an end.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);
/// Longest time of a test: shorter than a request may take.
const TEST_TIME: Duration = Duration::from_secs(40);

type Answer<T> = Result<Json<T>, Refused>;

/// What came of a test.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TestReport {
    pub(super) target: TargetName,
    /// Whether no check failed.
    pub(super) ok: bool,
    /// The worst first.
    pub(super) checks: Vec<TargetCheck>,
}

/// A pause as a client writes it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedPause {
    pub(super) reason: String,
    /// For how long; without it, until a person resumes the target.
    pub(super) r#for: Option<String>,
}

impl Sent for WantedPause {
    const IS: &'static str = r#"a pause such as {"reason": "release weekend", "for": "2h"}"#;
}

impl WantedPause {
    fn check(&self, now: Timestamp) -> Result<(String, Option<Timestamp>), String> {
        let until = match self.r#for.as_deref().map(str::trim) {
            None | Some("") => None,
            Some(text) => {
                let span = humantime::parse_duration(text)
                    .map_err(|error| format!("for is no duration such as 2h: {error}."))?;
                if span.is_zero() || span > LONGEST {
                    return Err("A pause with an end lasts up to a year.".to_owned());
                }
                Some(now.plus(span))
            }
        };
        Ok((checked_reason(&self.reason)?, until))
    }
}

/// Pauses the target `name`.
pub(super) async fn pause_target(
    state: &AdminState,
    actor: &Actor,
    name: &TargetName,
    wanted: &WantedPause,
) -> Result<TargetRow, Refused> {
    let by = by(state, actor);
    let (reason, until) = wanted.check(by.at).map_err(Refused::bad_request)?;
    // A target that is not configured is not paused.
    target_row(state, name).await?;
    state
        .store
        .pause_target(name, (reason.as_str(), until), by)
        .await?;
    target_row(state, name).await
}

pub(super) async fn pause(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(name): Path<TargetName>,
    Body(wanted): Body<WantedPause>,
) -> Answer<TargetRow> {
    Ok(Json(pause_target(&state, &actor, &name, &wanted).await?))
}

pub(super) async fn resume_target(
    state: &AdminState,
    actor: &Actor,
    name: &TargetName,
) -> Result<TargetRow, Refused> {
    target_row(state, name).await?;
    state.store.resume_target(name, by(state, actor)).await?;
    target_row(state, name).await
}

pub(super) async fn resume(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(name): Path<TargetName>,
) -> Answer<TargetRow> {
    Ok(Json(resume_target(&state, &actor, &name).await?))
}

/// Tests the target `name`. One test runs at a time: each may send a password.
pub(super) async fn test_target(
    state: &AdminState,
    actor: &Actor,
    name: &TargetName,
) -> Result<TestReport, Refused> {
    let by = by(state, actor);
    target_row(state, name).await?;
    let Ok(_turn) = state.test_turn.try_lock() else {
        return Err(Refused::new(
            StatusCode::CONFLICT,
            "not-possible",
            "Not possible now",
            "A test of a target is running; one runs at a time.",
        ));
    };
    let tested = tokio::time::timeout(TEST_TIME, state.tester.test(name)).await;
    let checks = match tested {
        Ok(Some(checks)) => checks,
        Ok(None) => return Err(Refused::not_found("There is no target of this name.")),
        Err(_) => vec![TargetCheck {
            check: "time",
            field: None,
            result: "error",
            message: format!("the checks took longer than {} s", TEST_TIME.as_secs()),
            remedy: Some("look at the network and at the CRM's state, and try again".to_owned()),
        }],
    };
    let ok = checks.iter().all(|one| one.result != "error");
    let failed = checks.iter().filter(|one| one.result == "error");
    let failed: Vec<&str> = failed.map(|one| one.check).collect();
    let detail = json!({ "ok": ok, "failed": failed });
    let subject = format!("targets/{name}");
    state
        .store
        .note_in_audit("target.test", &subject, &detail, by)
        .await?;
    Ok(TestReport {
        target: name.clone(),
        ok,
        checks,
    })
}

pub(super) async fn test(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(name): Path<TargetName>,
) -> Answer<TestReport> {
    Ok(Json(test_target(&state, &actor, &name).await?))
}

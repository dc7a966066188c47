//! *Targets*: how each one fares; pause, resume and test it.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use serde_json::json;

use super::actions::done;
use super::page::{Form, page};
use crate::admin::answer::Refused;
use crate::admin::situation::person_and_targets;
use crate::admin::target_actions::{
    TestReport, WantedPause, pause_target, resume_target, test_target,
};
use crate::admin::{Actor, AdminState};
use crate::domain::identity::TargetName;

const PLACE: &str = "/ui/targets";

pub(super) async fn show(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let query = Form::parse(query.as_deref().unwrap_or_default());
    shown(&state, &actor, &query, None).await
}

async fn shown(
    state: &AdminState,
    actor: &Actor,
    query: &Form,
    report: Option<TestReport>,
) -> Result<Response, Refused> {
    let (_, targets) = person_and_targets(state).await?;
    let content = json!({ "targets": targets, "report": report });
    Ok(page(state, actor, "targets.html", query, &content))
}

pub(super) async fn pause(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(name): Path<TargetName>,
    body: Bytes,
) -> Result<Response, Refused> {
    let form = Form::parse(&String::from_utf8_lossy(&body));
    let wanted = WantedPause {
        reason: form.get("reason").unwrap_or_default().to_owned(),
        r#for: form.get("for").map(str::to_owned),
    };
    pause_target(&state, &actor, &name, &wanted).await?;
    Ok(done(PLACE, "paused", 1))
}

pub(super) async fn resume(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(name): Path<TargetName>,
) -> Result<Response, Refused> {
    resume_target(&state, &actor, &name).await?;
    Ok(done(PLACE, "resumed", 1))
}

/// Shows what came of the test.
pub(super) async fn test(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    Path(name): Path<TargetName>,
) -> Result<Response, Refused> {
    let report = test_target(&state, &actor, &name).await?;
    shown(&state, &actor, &Form::default(), Some(report)).await
}

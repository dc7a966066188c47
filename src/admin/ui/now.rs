//! *Now*: what is going on, in one sentence and worst first.

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use serde::Serialize;

use super::day_chart::{DayChart, day_chart};
use super::page::{Form, page};
use crate::admin::answer::Refused;
use crate::admin::situation::{Situation, situation};
use crate::admin::{Actor, AdminState};

#[derive(Serialize)]
struct Now {
    #[serde(flatten)]
    situation: Situation,
    day: DayChart,
    waits_for_person: u64,
}

pub(super) async fn show(
    State(state): State<AdminState>,
    Extension(actor): Extension<Actor>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let situation = situation(&state).await?;
    let now = state.clock.now();
    let day = day_chart(&state.store.last_day(now).await?, now);
    let content = Now {
        waits_for_person: situation.person.count(),
        situation,
        day,
    };
    let query = Form::parse(query.as_deref().unwrap_or_default());
    Ok(page(&state, &actor, "now.html", &query, &content))
}

//! *Now*: what is going on, in one sentence and worst first.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use tokio::sync::Mutex;

use super::day_chart::{DayChart, day_chart};
use super::live::look;
use super::page::{Form, page};
use super::watcher::Mark;
use crate::admin::answer::Refused;
use crate::admin::situation::{Situation, situation};
use crate::admin::{Actor, AdminState};

/// What open pages are shown anew is no older, where nothing has changed that the mark tells.
const SHARED_FOR: Duration = Duration::from_secs(5);

/// What was shown last, for other pages that are open at the same time.
#[derive(Default)]
pub(super) struct LastShown(Mutex<Option<Shown>>);

struct Shown {
    at: Instant,
    mark: Mark,
    content: Arc<Now>,
}

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
    headers: HeaderMap,
) -> Result<Response, Refused> {
    // A page that is open asks often. A person who loads the page sees what is true now.
    let content = match headers.contains_key("x-live") {
        true => shared(&state).await?,
        false => Arc::new(read(&state).await?),
    };
    let query = Form::parse(query.as_deref().unwrap_or_default());
    Ok(page(&state, &actor, "now.html", &query, &*content))
}

/// The lock is held while one page reads: others that ask meanwhile get the same.
async fn shared(state: &AdminState) -> Result<Arc<Now>, Refused> {
    let mark = look(state).await;
    let mut last = state.ui.last_shown.0.lock().await;
    if let Some(shown) = &*last
        && shown.at.elapsed() < SHARED_FOR
        && shown.mark == mark
    {
        return Ok(Arc::clone(&shown.content));
    }
    let content = Arc::new(read(state).await?);
    *last = Some(Shown {
        at: Instant::now(),
        mark,
        content: Arc::clone(&content),
    });
    Ok(content)
}

async fn read(state: &AdminState) -> Result<Now, Refused> {
    let situation = situation(state).await?;
    let now = state.clock.now();
    let day = day_chart(&state.store.last_day(now).await?, now);
    Ok(Now {
        waits_for_person: situation.person.count(),
        situation,
        day,
    })
}

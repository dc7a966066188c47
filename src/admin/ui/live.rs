//! Tells open pages that something has changed, by server-sent events. A page that finds no place
//! asks by itself whether the mark is still the same, more rarely.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream;
use tokio::sync::OwnedSemaphorePermit;

use super::watcher::{LOOK_EVERY, Mark};
use crate::admin::AdminState;
use crate::http::Readiness;

/// After this time a page is told in any case: ages grow, and counts of breaches too.
const AT_LEAST_EVERY: Duration = Duration::from_secs(30);
/// Finds out that the browser has gone.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// One open page.
struct Follower {
    state: AdminState,
    told: Option<Mark>,
    told_at: Instant,
    _place: OwnedSemaphorePermit,
}

pub(super) async fn changes(State(state): State<AdminState>) -> Response {
    let Some(place) = state.ui.watcher.place() else {
        // The one answer after which a browser does not ask again.
        return StatusCode::NO_CONTENT.into_response();
    };
    let follower = Follower {
        state,
        told: None,
        told_at: Instant::now(),
        _place: place,
    };
    let events = stream::unfold(follower, Follower::next);
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Sse::new(events).keep_alive(keep_alive).into_response()
}

/// The same text as long as nothing has changed.
pub(super) async fn mark(State(state): State<AdminState>) -> String {
    look(&state).await.digest()
}

pub(super) async fn look(state: &AdminState) -> Mark {
    let watcher = &state.ui.watcher;
    watcher
        .mark(&state.store, &*state.targets, &state.components)
        .await
}

impl Follower {
    /// Waits for the next change; `None` when the process stops.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        let mut readiness = self.state.components.watch();
        loop {
            if *readiness.borrow_and_update() == Readiness::Draining {
                return None;
            }
            let mark = look(&self.state).await;
            let is_first = self.told.is_none();
            let is_old = self.told_at.elapsed() >= AT_LEAST_EVERY;
            if is_old || self.told.as_ref() != Some(&mark) {
                let name = mark.event(is_first);
                self.told = Some(mark);
                self.told_at = Instant::now();
                // A browser drops an event without data.
                return Some((Ok(Event::default().event(name).data(name)), self));
            }
            tokio::select! {
                _ = readiness.changed() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }
}

//! Maintenance windows of the configuration, as the list of silences shows them: read only.

use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::AdminState;
use super::answer::Refused;
use crate::domain::time::Timestamp;
use crate::settings::MaintenanceSettings;
use crate::store::{Cursor, DisplayTime, Filter, Page, PageRequest, SilenceView, StoreError};

/// What the id of a window begins with; its name follows. Ids of silences are numbers.
const PREFIX: &str = "maintenance:";

/// A maintenance window in the form of a silence.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct WindowView {
    id: String,
    /// `active`, `pending` until it begins next, `expired` when it never begins again.
    state: &'static str,
    r#match: Vec<String>,
    /// When it began or begins next.
    starts_at: Option<DisplayTime>,
    /// When that ends.
    ends_at: Option<DisplayTime>,
    author: &'static str,
    reason: Option<String>,
    created_at: Option<DisplayTime>,
    expired_by: Option<String>,
    read_only: bool,
}

/// An entry of the list of silences.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Entry {
    /// From the configuration.
    Window(WindowView),
    /// Made by a person.
    Made(SilenceView),
}

impl WindowView {
    fn new(name: &str, window: &MaintenanceSettings, now: Timestamp) -> Self {
        let current = window.schedule.window_around(now);
        let state = if current.is_some() {
            "active"
        } else {
            "pending"
        };
        let times = current.or_else(|| window.schedule.next_window(now));
        Self {
            id: format!("{PREFIX}{name}"),
            state: times.map_or("expired", |_| state),
            r#match: window.matchers.iter().map(ToString::to_string).collect(),
            starts_at: times.map(|(from, _)| from.into()),
            ends_at: times.map(|(_, until)| until.into()),
            author: "configuration",
            reason: window.reason.clone(),
            created_at: None,
            expired_by: None,
            read_only: true,
        }
    }
}

/// The window with the id `id`; also by its mere name, which is what an incident that it
/// silences is shown with.
fn window<'s>(state: &'s AdminState, id: &'s str) -> Option<(&'s str, &'s MaintenanceSettings)> {
    let is_number = id.bytes().all(|one| one.is_ascii_digit());
    let name = match id.strip_prefix(PREFIX) {
        Some(name) => name,
        None if is_number => return None,
        None => id,
    };
    Some((name, state.maintenance.get(name)?))
}

/// The window with the id `id`, if that is one's.
pub(super) fn show(state: &AdminState, id: &str, now: Timestamp) -> Option<WindowView> {
    window(state, id).map(|(name, window)| WindowView::new(name, window, now))
}

/// Refuses to end a window: it would be back with the next restart.
pub(super) fn refuse(state: &AdminState, id: &str) -> Result<(), Refused> {
    let Some((name, _)) = window(state, id) else {
        return Ok(());
    };
    Err(Refused::new(
        StatusCode::CONFLICT,
        "read-only",
        "Read only",
        format!(
            "{name} is a maintenance window of the configuration and cannot be expired or \
             changed here: change [maintenance.{name}] and restart."
        ),
    ))
}

/// A page of the list: windows by name, and behind them what people made. Windows were not
/// made at any time, so a list from or up to one has none.
pub(super) async fn page(
    state: &AdminState,
    filter: &Filter,
    request: PageRequest,
    now: Timestamp,
) -> Result<Page<Entry>, StoreError> {
    let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
    let (mut windows, after) = match &request.after {
        None => (windows_of(state, filter, "", now), None),
        Some(after) if after.id().starts_with(PREFIX) => {
            (windows_of(state, filter, after.id(), now), None)
        }
        Some(after) => (Vec::new(), Some(after.clone())),
    };
    let rest = limit.saturating_sub(windows.len());
    let behind_windows = PageRequest {
        after,
        limit: u32::try_from(rest.max(1)).unwrap_or(request.limit),
    };
    let made = state.store.silences(filter, &behind_windows, now).await?;
    let mut next = made.next;
    let mut made = made.items;
    if rest == 0 {
        let more = windows.len() > limit || !made.is_empty();
        windows.truncate(limit);
        made.clear();
        next = windows
            .last()
            .filter(|_| more)
            .map(|last| Cursor::behind(&last.id));
    }
    let windows = windows.into_iter().map(Entry::Window);
    let items = windows.chain(made.into_iter().map(Entry::Made)).collect();
    Ok(Page { items, next })
}

fn windows_of(state: &AdminState, filter: &Filter, after: &str, now: Timestamp) -> Vec<WindowView> {
    if filter.since.is_some() || filter.until.is_some() {
        return Vec::new();
    }
    let all = state.maintenance.iter();
    let all = all.map(|(name, window)| WindowView::new(name, window, now));
    let wanted = |one: &WindowView| {
        filter.states.is_empty() || filter.states.iter().any(|state| state == one.state)
    };
    all.filter(|one| one.id.as_str() > after && wanted(one))
        .collect()
}

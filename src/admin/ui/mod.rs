//! The dashboard: pages that the server writes, for people on call. Every page works without
//! script; with it, pages follow what happens.
//!
//! A person signs in with an admin token and gets a session. `guard` lets a request pass by its
//! session and role, and refuses forms that another site sent. Pages read the same views as the
//! API; forms do what the API's verbs do.

mod actions;
mod assets;
mod chart;
mod day_chart;
mod guard;
mod incident;
mod live;
mod mark_lanes;
mod marked_json;
mod now;
mod page;
mod records;
mod routes;
mod search;
mod session;
mod sign_in;
mod targets;
mod waits;
mod watcher;

use now::LastShown;
use session::Sessions;
use watcher::Watcher;

pub(super) use routes::router;
pub use routes::{UiEndpoint, ui_endpoints};

/// What the pages keep in memory.
#[derive(Default)]
pub(super) struct Ui {
    sessions: Sessions,
    watcher: Watcher,
    last_shown: LastShown,
}

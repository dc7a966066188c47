//! Every page and form, in one table with the role that it needs.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::Method;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};

use super::guard::{UiGuard, as_page, from_our_pages, signed_in};
use super::page::to;
use super::{actions, assets, incident, live, now, records, search, sign_in, targets, waits};
use crate::admin::AdminState;
use crate::admin::answer::Refused;
use crate::admin::limits::read_body;
use crate::settings::Role;

/// A page or a form as it is described to tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UiEndpoint {
    pub method: Method,
    /// `{name}` stands for one segment.
    pub path: &'static str,
    /// `None`: nobody needs to be signed in.
    pub needs: Option<Role>,
}

pub fn ui_endpoints() -> Vec<UiEndpoint> {
    table().into_iter().map(|(endpoint, _)| endpoint).collect()
}

/// The pages, for the router of the admin listener.
pub(in crate::admin) fn router(state: &AdminState) -> Router<AdminState> {
    let (mut open, mut viewer, mut operator) = (Router::new(), Router::new(), Router::new());
    for (endpoint, handler) in table() {
        let shelf = match endpoint.needs {
            None => &mut open,
            Some(Role::Viewer) => &mut viewer,
            Some(Role::Operator) => &mut operator,
        };
        *shelf = std::mem::take(shelf).route(endpoint.path, handler);
    }
    let guarded = |router: Router<AdminState>, needs| {
        let guard = UiGuard {
            state: state.clone(),
            needs,
        };
        router
            .route_layer(from_fn(read_body))
            .route_layer(from_fn_with_state(guard, signed_in))
    };
    open.route_layer(from_fn(read_body))
        .merge(guarded(viewer, Role::Viewer))
        .merge(guarded(operator, Role::Operator))
        .route_layer(from_fn(from_our_pages))
        .route_layer(from_fn_with_state(state.clone(), as_page))
}

macro_rules! routes {
    ($($wrap:ident $access:ident $path:literal => $handler:path;)+) => {
        vec![$((
            UiEndpoint {
                method: routes!(@method $wrap),
                path: $path,
                needs: routes!(@access $access),
            },
            $wrap($handler),
        )),+]
    };
    (@method get) => { Method::GET };
    (@method post) => { Method::POST };
    (@access open) => { None };
    (@access viewer) => { Some(Role::Viewer) };
    (@access operator) => { Some(Role::Operator) };
}

#[rustfmt::skip]
fn table() -> Vec<(UiEndpoint, MethodRouter<AdminState>)> {
    routes! {
        get open "/" => to_start;
        get open "/ui" => to_start;
        get open "/ui/sign-in" => sign_in::show;
        post open "/ui/sign-in" => sign_in::sign_in;
        post open "/ui/sign-out" => sign_in::sign_out;
        get open "/ui/style.css" => assets::style;
        get open "/ui/live.js" => assets::script;

        get viewer "/ui/" => now::show;
        get viewer "/ui/changes" => live::changes;
        get viewer "/ui/mark" => live::mark;
        get viewer "/ui/why" => search::show;
        get viewer "/ui/incidents/{id}" => incident::show;
        get viewer "/ui/waits" => waits::show;
        get viewer "/ui/waits/dead-letters/{id}" => waits::dead_letters;
        get viewer "/ui/waits/review/{id}" => waits::reviews;
        get viewer "/ui/targets" => targets::show;
        get viewer "/ui/sources" => records::sources;
        get viewer "/ui/silences" => records::silences;
        get viewer "/ui/configuration" => records::configuration;
        get viewer "/ui/audit" => records::audit;
        get viewer "/ui/{*rest}" => nothing_here;

        post operator "/ui/incidents/{id}/close" => incident::close;
        post operator "/ui/incidents/{id}/note" => incident::note;
        post operator "/ui/incidents/{id}/open-ticket" => incident::open_ticket;
        post operator "/ui/incidents/{id}/leave-outage" => incident::leave_outage;
        post operator "/ui/incidents/{id}/join-outage" => incident::join_outage;
        post operator "/ui/targets/{name}/pause" => targets::pause;
        post operator "/ui/targets/{name}/resume" => targets::resume;
        post operator "/ui/targets/{name}/test" => targets::test;
        post operator "/ui/silences" => actions::silence;
        post operator "/ui/silences/preview" => actions::preview_silence;
        post operator "/ui/silences/{id}/extend" => actions::extend;
        post operator "/ui/silences/{id}/expire" => actions::expire;
        post operator "/ui/dead-letters/{id}/replay" => actions::replay;
        post operator "/ui/dead-letters/{id}/discard" => actions::discard;
        post operator "/ui/dead-letters/{id}/replay-group" => actions::replay_group;
        post operator "/ui/dead-letters/{id}/discard-group" => actions::discard_group;
        post operator "/ui/review/{id}/reprocess" => actions::reprocess;
        post operator "/ui/review/{id}/discard" => actions::discard_review;
        post operator "/ui/review/{id}/reprocess-group" => actions::reprocess_group;
        post operator "/ui/review/{id}/discard-group" => actions::discard_review_group;
        post operator "/ui/floods/{name}/release" => actions::release_flood;
        post operator "/ui/floods/{name}/discard" => actions::discard_flood;
    }
}

async fn to_start() -> Response {
    to("/ui/")
}

async fn nothing_here(State(_): State<AdminState>, Path(_): Path<String>) -> Refused {
    Refused::not_found("There is no page at this address.")
}

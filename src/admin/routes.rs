//! Every route of the admin listener, in one table.

use std::sync::{Arc, LazyLock};

use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Method};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use serde_json::Value;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use super::access::{Guard, guard};
use super::answer::{Refused, internal_error, no_such_route, write_problems, wrong_method};
use super::hosts::addressed_here;
use super::limits::{in_time, read_body};
use super::openapi::document;
use super::signature::{Handler, Signature};
use super::{
    AdminState, actions, health, incident_actions, lists, silences, situation, target_actions, ui,
    why,
};
use crate::http::with_request_id;
use crate::settings::Role;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody who reaches the listener.
    Open,
    /// Whoever has at least this role.
    Role(Role),
}

/// A route as it is described to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub method: Method,
    /// The path; `{name}` stands for one segment.
    pub path: &'static str,
    pub access: Access,
    pub summary: &'static str,
}

struct Route {
    endpoint: Endpoint,
    handler: MethodRouter<AdminState>,
    signature: Signature,
}

pub fn endpoints() -> Vec<Endpoint> {
    table().into_iter().map(|route| route.endpoint).collect()
}

/// The admin listener's routes. To be served with the peer's address as
/// `ConnectInfo<SocketAddr>`, as [`crate::http::serve`] does; without it and without tokens
/// every request to the API is refused.
pub fn router(state: AdminState) -> Router {
    let mut open = Router::new();
    let mut viewer = Router::new();
    let mut operator = Router::new();
    for Route {
        endpoint,
        mut handler,
        signature,
    } in table()
    {
        if signature.parameters.is_none() && endpoint.method != Method::GET {
            handler = handler.layer(from_fn(without_query));
        }
        let shelf = match endpoint.access {
            Access::Open => &mut open,
            Access::Role(Role::Viewer) => &mut viewer,
            Access::Role(Role::Operator) => &mut operator,
        };
        *shelf = std::mem::take(shelf).route(endpoint.path, handler);
    }
    let guarded = |router: Router<AdminState>, needs| {
        let guarding = Guard {
            tokens: Arc::clone(&state.tokens),
            metrics: state.metrics.clone(),
            needs,
        };
        router
            .route_layer(from_fn(read_body))
            .route_layer(from_fn_with_state(guarding, guard))
    };
    let clock = state.clock.clone();
    let routes = open
        .merge(guarded(viewer, Role::Viewer))
        .merge(guarded(operator, Role::Operator))
        .merge(ui::router(&state))
        .fallback(no_such_route)
        .method_not_allowed_fallback(wrong_method)
        // Around all of them, what is not there included: none can be written without it.
        .layer(from_fn_with_state(state.hosts.clone(), addressed_here));
    around(routes)
        .layer(from_fn_with_state(clock, with_request_id))
        .with_state(state)
}

/// What every answer has in common.
fn around(routes: Router<AdminState>) -> Router<AdminState> {
    let no_store = HeaderValue::from_static("no-store");
    let no_sniff = HeaderValue::from_static("nosniff");
    routes
        .layer(from_fn(in_time))
        .layer(CatchPanicLayer::custom(
            |_: Box<dyn std::any::Any + Send>| internal_error().into_response(),
        ))
        .layer(from_fn(write_problems))
        .layer(SetResponseHeaderLayer::if_not_present(
            CACHE_CONTROL,
            no_store,
        ))
        .layer(SetResponseHeaderLayer::if_not_present(
            X_CONTENT_TYPE_OPTIONS,
            no_sniff,
        ))
}

/// Refuses a query of a change that takes none: what asks for a `dry_run` must not be done.
async fn without_query(request: Request, next: Next) -> Result<Response, Refused> {
    match request.uri().query() {
        Some(query) if !query.is_empty() => Err(Refused::bad_request(
            "This address takes no parameters in its query.",
        )),
        _ => Ok(next.run(request).await),
    }
}

async fn openapi() -> Json<Value> {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
        let routes = table().into_iter();
        let routes = routes.map(|route| (route.endpoint, route.signature));
        document(&routes.collect::<Vec<_>>())
    });
    Json(DOCUMENT.clone())
}

macro_rules! routes {
    ($($wrap:ident $access:ident $path:literal => $handler:path, $summary:literal;)+) => {
        vec![$(Route {
            endpoint: Endpoint {
                method: routes!(@method $wrap),
                path: $path,
                access: routes!(@access $access),
                summary: $summary,
            },
            handler: $wrap($handler),
            signature: Handler::signature(&$handler),
        }),+]
    };
    (@method get) => { Method::GET };
    (@method post) => { Method::POST };
    (@access open) => { Access::Open };
    (@access viewer) => { Access::Role(Role::Viewer) };
    (@access operator) => { Access::Role(Role::Operator) };
}

#[rustfmt::skip]
fn table() -> Vec<Route> {
    routes! {
        get open "/metrics" => health::metrics, "Metrics in OpenMetrics text";
        get open "/healthz" => health::healthz, "Whether the process runs";
        get open "/readyz" => health::readyz, "Whether the process takes work, by component";

        get viewer "/api/v1/openapi.json" => openapi, "This description of the API";
        get viewer "/api/v1/status" => situation::status, "What is going on, worst first, in one answer";
        get viewer "/api/v1/why" => why::why, "The whole story of an event, a key, an incident or a ticket";
        get viewer "/api/v1/events" => lists::events, "Events, newest first";
        get viewer "/api/v1/events/{id}" => lists::event, "An event, its body and decisions";
        get viewer "/api/v1/incidents" => lists::incidents, "Incidents, newest first";
        get viewer "/api/v1/incidents/{id}" => lists::incident, "An incident and its story";
        get viewer "/api/v1/incidents/{id}/timeline" => lists::timeline,
            "What happened to an incident and why, oldest first";
        get viewer "/api/v1/deliveries" => lists::deliveries, "Deliveries, newest first";
        get viewer "/api/v1/deliveries/{id}" => lists::delivery, "A delivery and what it says";
        get viewer "/api/v1/dead-letters" => lists::dead_letters, "Dead letters, newest first";
        get viewer "/api/v1/dead-letters/{id}" => lists::dead_letter, "A dead letter and what it says";
        get viewer "/api/v1/review" => lists::reviews, "Review items, newest first; with group=reason equal reasons as one";
        get viewer "/api/v1/review/{id}" => lists::review, "A review item and its event";
        get viewer "/api/v1/floods" => lists::floods, "Sources that begin too many incidents, and what is held";
        get viewer "/api/v1/silences" => silences::list, "Silences, newest first";
        get viewer "/api/v1/silences/{id}" => silences::show, "A silence";
        get viewer "/api/v1/locks" => lists::locks, "Burst locks that hold";
        get viewer "/api/v1/targets" => lists::targets, "Targets and their state";
        get viewer "/api/v1/targets/{name}" => lists::target, "A target and its state";
        get viewer "/api/v1/config" => lists::config, "The effective configuration, redacted";
        get viewer "/api/v1/audit" => lists::audit, "Who changed what, newest first";
        get viewer "/api/v1/queues/{queue_id}/incident" => lists::queue_incident,
            "The active incident of a queue and its ticket";

        post operator "/api/v1/incidents/{id}/close" => incident_actions::close,
            "Close an incident and resolve its ticket";
        post operator "/api/v1/incidents/{id}/note" => incident_actions::note, "Write a note to an incident's ticket";
        post operator "/api/v1/incidents/{id}/open-ticket" => incident_actions::open_ticket,
            "Open an incident's ticket now, whatever holds it back";
        post operator "/api/v1/incidents/{id}/leave-outage" => incident_actions::leave_outage,
            "Take an incident out of its outage";
        post operator "/api/v1/incidents/{id}/join-outage" => incident_actions::join_outage,
            "Put an incident into an outage";
        post operator "/api/v1/targets/{name}/pause" => target_actions::pause,
            "Send nothing to a target until it is resumed";
        post operator "/api/v1/targets/{name}/resume" => target_actions::resume, "End the pause of a target";
        post operator "/api/v1/targets/{name}/test" => target_actions::test,
            "Reach a target, log in, and compare the mapping with its metadata";
        post operator "/api/v1/silences" => silences::create, "Silence what matches for a while";
        post operator "/api/v1/silences/{id}/extend" => silences::extend, "Let a silence end later";
        post operator "/api/v1/silences/{id}/expire" => silences::expire, "End a silence now";
        post operator "/api/v1/floods/{name}/release" => actions::release_flood,
            "Open tickets for what a flood holds";
        post operator "/api/v1/floods/{name}/discard" => actions::discard_flood,
            "Close what a flood holds without tickets";
        post operator "/api/v1/dead-letters/replay" => actions::replay_many, "Send dead letters again";
        post operator "/api/v1/dead-letters/discard" => actions::discard_many, "Discard dead letters";
        post operator "/api/v1/dead-letters/{id}/replay" => actions::replay, "Send a dead letter again";
        post operator "/api/v1/dead-letters/{id}/discard" => actions::discard, "Discard a dead letter";
        post operator "/api/v1/review/reprocess" => actions::reprocess_reviews, "Try review items again";
        post operator "/api/v1/review/discard" => actions::discard_reviews, "Discard review items";
        post operator "/api/v1/review/{id}/reprocess" => actions::reprocess_review, "Try a review item again";
        post operator "/api/v1/review/{id}/discard" => actions::discard_review, "Discard a review item";
    }
}

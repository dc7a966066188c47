//! What both listeners share: serving connections, request ids, problem answers, readiness.
//!
//! May import: `fault_points`, `telemetry`, axum, hyper. Must not know: any route, the store, sources, targets.

mod activity;
mod client_network;
mod connections;
mod eviction;
mod problem;
mod readiness;
mod request_body;
mod request_id;
mod serve;
mod socket;

/// What a listener serves.
pub use axum::Router;
pub use client_network::client_network;
pub use problem::{Problem, ProblemKind};
pub use readiness::Readiness;
pub use request_id::{request_id, with_request_id};
pub use serve::{ServeOptions, Server, serve};

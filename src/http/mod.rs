//! Serves the connections of both listeners: limits and time-outs, request ids, problem answers,
//! readiness.
//!
//! `serve` accepts and serves connections; `connections` and `eviction` limit their number;
//! `activity` is the state of one connection; `socket` and `request_body` tell it what the client
//! has read and sent.

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

pub use axum::Router;
pub use client_network::client_network;
pub use problem::{Problem, ProblemKind};
pub use readiness::Readiness;
pub use request_id::{request_id, with_request_id};
pub use serve::{ServeOptions, Server, serve};

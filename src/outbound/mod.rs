//! The common part of every outgoing HTTP call: sending it within limits, the choice of a proxy,
//! and the removal of our secrets from the answer.

mod client;
mod connect;
mod content_encoding;
mod encodings;
mod finder;
mod metered;
mod pattern;
mod proxy;
mod redactor;
mod request;

use std::time::Duration;

pub use client::{CallError, Client, Received};
pub use proxy::is_local;
pub use redactor::Redactor;
pub use request::{InvalidRequest, Request, RequestBuilder};

/// Longest wait for a connection, where the whole call may take longer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How we call ourselves.
const NAME: &str = concat!("ringdown/", env!("CARGO_PKG_VERSION"));

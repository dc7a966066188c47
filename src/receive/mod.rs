//! The public listener: who may send, what may come in, and durable before the answer.
//!
//! May import: `domain`, `normalise`, `store`, `settings`, `telemetry`, `http`, axum. Must not
//! know: rules, incidents, targets; it never decides whether an event is worth a ticket.

mod auth;
mod jwks;
mod jwt;
mod networks;

pub use auth::AuthSetupError;
pub use jwks::JwksSetupError;

//! What every outgoing HTTP call shares: how a client is made, which calls go through a proxy,
//! and the redaction of our secrets in whatever comes back.
//!
//! May import: `settings`. Must not know: CRMs, tickets, the store.

mod encodings;
mod finder;
mod proxy;
mod redactor;

use std::time::Duration;

pub use proxy::is_local;
pub use redactor::Redactor;

/// Longest wait for a connection, where the whole call may take longer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A builder of clients: no redirects (a credential must never follow one), no cookies (they pin
/// a ServiceNow node), one time limit for the whole call, and no proxy for this machine's own
/// addresses. Every client in this process is made here.
pub fn client_builder(timeout: Duration) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .proxy(proxy::from_environment())
        .timeout(timeout)
        .connect_timeout(timeout.min(CONNECT_TIMEOUT))
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("ringdown/", env!("CARGO_PKG_VERSION")))
}

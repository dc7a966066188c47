//! What every outgoing HTTP call shares: how it is sent and bounded, which calls go through a
//! proxy, and the redaction of our secrets in whatever comes back.
//!
//! May import: `settings`. Must not know: CRMs, tickets, the store.

mod client;
mod connect;
mod encodings;
mod finder;
mod metered;
mod pattern;
mod proxy;
mod redactor;

use std::time::Duration;

use url::Url;

pub use client::{CallError, Client, Received};
pub use proxy::is_local;
pub use redactor::Redactor;

/// A builder of clients of another Ringdown at `address`: bounded in time, never redirected, so
/// that no token goes astray, and without a proxy where that is this machine.
pub fn own_client(address: &Url, timeout: Duration) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(client::NAME);
    match is_local(address) {
        true => builder.no_proxy(),
        false => builder,
    }
}

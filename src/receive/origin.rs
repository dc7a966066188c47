//! Where a request comes from, for those that share slots. Pure.

use std::net::IpAddr;

use axum::http::HeaderMap;
use ipnet::IpNet;

use super::networks;
use crate::http::client_network;

/// Where a request comes from. The address behind proxies is looked up only when it is needed.
#[derive(Clone, Copy)]
pub(super) struct Origin<'a> {
    pub(super) peer: IpAddr,
    pub(super) headers: &'a HeaderMap,
    pub(super) trusted: &'a [IpNet],
}

impl Origin<'_> {
    /// The client, as [`client_network`] counts it. One that a proxy does not name counts as the
    /// proxy.
    pub(super) fn address(&self) -> IpAddr {
        let client = networks::client_address(self.peer, self.headers, self.trusted);
        client_network(client.unwrap_or(self.peer))
    }
}

#[cfg(test)]
impl<'a> Origin<'a> {
    pub(super) fn of(peer: IpAddr, headers: &'a HeaderMap) -> Self {
        Self {
            peer,
            headers,
            trusted: &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_ipv6_network_are_one() {
        let headers = HeaderMap::new();
        let of = |text: &str| Origin::of(text.parse().unwrap(), &headers).address();
        assert_eq!(of("2001:db8:1:2:3::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:203.0.113.5"), of("203.0.113.5"));
        assert_ne!(of("203.0.113.5"), of("203.0.113.6"));
    }
}

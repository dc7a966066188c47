//! Where a request really comes from, and whether that is allowed. Pure.
//!
//! Behind proxies the peer is the nearest proxy. `X-Forwarded-For` and `Forwarded` (RFC 7239)
//! name the others, but the sender of the request can write them too. Only entries that a trusted
//! proxy has appended are used, so the list is read from its right end.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, header::FORWARDED};
use ipnet::IpNet;

use super::forwarded::for_parameters;

const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// The address of the client behind any `trusted` proxies; `None` when a trusted proxy did
/// not give it, or the two headers give different ones.
///
/// A proxy writes one of the headers and may pass the other through as a stranger wrote it;
/// nothing says which is which, so where both are there they must agree.
pub(super) fn client_address(
    peer: IpAddr,
    headers: &HeaderMap,
    trusted: &[IpNet],
) -> Option<IpAddr> {
    let peer = peer.to_canonical();
    if !contains(trusted, peer) {
        return Some(peer);
    }
    let listed = headers
        .contains_key(X_FORWARDED_FOR)
        .then(|| behind(peer, &x_forwarded_for(headers), trusted));
    let forwarded = headers.contains_key(FORWARDED).then(|| {
        let hops = forwarded_for(headers)?;
        behind(peer, &hops, trusted)
    });
    match (listed, forwarded) {
        (None, None) => Some(peer),
        (Some(address), None) | (None, Some(address)) => address,
        (Some(one), Some(other)) => one.filter(|_| one == other),
    }
}

/// Whether `address` is in one of `networks`.
pub(super) fn contains(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

/// Walks `hops` (leftmost first) from the right while the hops are `trusted`.
fn behind(peer: IpAddr, hops: &[Option<IpAddr>], trusted: &[IpNet]) -> Option<IpAddr> {
    let mut address = peer;
    for hop in hops.iter().rev() {
        address = (*hop)?;
        if !contains(trusted, address) {
            break;
        }
    }
    Some(address)
}

fn x_forwarded_for(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    headers
        .get_all(X_FORWARDED_FOR)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(|hop| address_of(unquoted(hop.trim_ascii())))
        .collect()
}

/// `None` when any line does not fit the grammar: the proxy's entry could be anywhere in it.
fn forwarded_for(headers: &HeaderMap) -> Option<Vec<Option<IpAddr>>> {
    let mut hops = Vec::new();
    for line in headers.get_all(FORWARDED) {
        let clients = for_parameters(line.as_bytes()).ok()?;
        hops.extend(clients.into_iter().map(|client| address_of(&client?)));
    }
    Some(hops)
}

/// Without the quotes around it, which some proxies write.
fn unquoted(hop: &[u8]) -> &[u8] {
    let inner = hop
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    inner.unwrap_or(hop)
}

/// An address as proxies write it: bare, with a port, in brackets.
fn address_of(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let bracketed = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    bracketed
        .unwrap_or(text)
        .parse()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()))
        .ok()
        .map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests;

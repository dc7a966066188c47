//! The client that a request or a connection is counted for. Pure.

use std::net::{IpAddr, Ipv6Addr};

/// The address that identifies one client: its IPv4 address, or the /64 of its IPv6 address. The
/// owner of an IPv6 address usually has that whole network, and chooses the other bits.
pub fn client_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_known_by_its_ipv4_address_or_its_ipv6_network() {
        let same = |one: &str, other: &str| {
            client_network(one.parse().unwrap()) == client_network(other.parse().unwrap())
        };
        assert!(same("2001:db8::1", "2001:db8::2:3:4:5"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
    }
}

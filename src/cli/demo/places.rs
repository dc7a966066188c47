//! Where the demo listens.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// The four listeners.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places {
    pub(super) webhooks: SocketAddr,
    pub(super) salesforce: SocketAddr,
    pub(super) servicenow: SocketAddr,
    pub(super) admin: SocketAddr,
}

/// The ports that the documents name: the commands that ask a daemon find the last one by themselves.
const USUAL: [u16; 4] = [8080, 8081, 8082, 9090];

impl Places {
    fn of(host: std::net::IpAddr, ports: [u16; 4]) -> Self {
        let [webhooks, salesforce, servicenow, admin] = ports.map(|port| (host, port).into());
        Self {
            webhooks,
            salesforce,
            servicenow,
            admin,
        }
    }

    /// Any free ports of this machine.
    pub(super) fn free() -> Self {
        Self::of(Ipv4Addr::LOCALHOST.into(), [0; 4])
    }

    /// The usual ports; `None` when one of them is taken.
    pub(super) fn usual() -> Option<Self> {
        let places = Self::of(Ipv4Addr::LOCALHOST.into(), USUAL);
        places.all().iter().all(is_free).then_some(places)
    }

    /// `first` and the three ports after it; port 0 means any free ones.
    pub(super) fn from(first: SocketAddr) -> Self {
        let port = first.port();
        let ports = [0, 1, 2, 3].map(|place| match port {
            0 => 0,
            port => port.saturating_add(place),
        });
        Self::of(first.ip(), ports)
    }

    fn all(&self) -> [SocketAddr; 4] {
        [self.webhooks, self.salesforce, self.servicenow, self.admin]
    }
}

fn is_free(address: &SocketAddr) -> bool {
    TcpListener::bind(address).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_address_gives_four_in_a_row() {
        let places = Places::from("127.0.0.1:7000".parse().unwrap());
        let ports = places.all().map(|one| one.port());
        assert_eq!(ports, [7000, 7001, 7002, 7003]);
        let free = Places::from("127.0.0.1:0".parse().unwrap());
        assert!(free.all().iter().all(|one| one.port() == 0));
    }

    #[test]
    fn a_taken_port_is_noticed() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        assert!(!is_free(&address));
    }
}
